"""How long the cells of each page took; a page beyond the limit fails the build."""

from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import SphinxError


def page_times(app: Sphinx) -> dict[str, float]:
    """Seconds that each executed page took, when it was last executed."""
    metadata = getattr(app.env, "nb_metadata", {})
    found = {page: data.get("exec_data") for page, data in metadata.items()}
    return {page: data["runtime"] or 0.0 for page, data in sorted(found.items()) if data}


def report(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None:
        return
    times = page_times(app)
    for page, seconds in times.items():
        print(f"  {seconds:6.1f} s  {app.config.language}/{page}")
    limit = app.config.page_time_limit
    slow = [page for page, seconds in times.items() if seconds > limit]
    if slow:
        raise SphinxError(f"pages that take more than {limit} s: {', '.join(slow)}; quote a stored result instead")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("page_time_limit", 120, "")
    app.connect("build-finished", report)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
