"""Links in docstrings: a short name finds the only object that has it; private base classes give way to public ones."""

from functools import cache
from typing import Any

from api_reference import full_name, has_page, homes_of, public_modules
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.nodes import make_refnode


def find_by_ending(app: Sphinx, env: Any, node: pending_xref, content: nodes.Element) -> nodes.Element | None:
    """The object whose full name ends in the name that was written, if there is only one."""
    if node.get("refdomain") != "py":
        return None
    ending = f".{node['reftarget']}"
    objects = env.domains["py"].objects
    places = {(entry.docname, entry.node_id) for name, entry in objects.items() if name.endswith(ending)}
    if len(places) != 1:
        return None
    page, place = places.pop()
    return make_refnode(app.builder, node["refdoc"], page, place, content, node["reftarget"])


def public_bases(kind: type, package: str, documented: set[str]) -> list[type]:
    """The nearest base classes that readers can look up, or that are another package's."""
    found: list[type] = []
    for base in kind.__bases__:
        own = base.__module__.split(".")[0] == package
        if base is object:
            continue
        found += public_bases(base, package, documented) if own and full_name(base) not in documented else [base]
    return list(dict.fromkeys(found))


@cache
def documented_in(package: str) -> set[str]:
    modules = {module.__name__.removeprefix(f"{package}."): module for module in public_modules(package)}
    return set(homes_of([module for short, module in modules.items() if has_page(short, module)]))


def show_public_bases(app: Sphinx, name: str, kind: type, options: Any, bases: list[type]) -> None:
    package = app.config.api_package
    bases[:] = public_bases(kind, package, documented_in(package)) or [object]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("missing-reference", find_by_ending)
    app.connect("autodoc-process-bases", show_public_bases)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
