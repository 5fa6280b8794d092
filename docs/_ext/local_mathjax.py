"""Formulas are set by a copy of MathJax that lies on the site itself, so pages are whole without a network."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ConfigError

PACKAGE = "sphinx-mathjax-offline"
PROGRAM = "tex-svg-full.js"  # one file: SVG needs no fonts, "full" loads no further files


def find_program() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise ConfigError(f'MathJax is missing: pip install {PACKAGE}, or "spikingjelly[docs]"')
    return Path(found.origin).parent / "static" / "mathjax" / PROGRAM


def copy_program(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        target = Path(app.outdir) / "_static" / "mathjax"
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(find_program(), target / PROGRAM)


def configure(app: Sphinx, config: Any) -> None:
    config.mathjax_path = f"mathjax/{PROGRAM}"
    config.mathjax_options = {"defer": "defer"}
    config.mathjax3_config = {"options": {"enableMenu": False}, "svg": {"fontCache": "local"}}


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", configure)
    app.connect("build-finished", copy_program)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
