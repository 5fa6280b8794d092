"""Each page links to the same page in the other language, for people (a switch) and for search engines."""

from typing import Any

from sphinx.application import Sphinx

SITES = {"en": ("en", "English"), "zh_CN": ("zh", "中文")}  # language -> its folder, its own name


def other_language(language: str) -> str:
    """The language that a site links to."""
    return next(other for other in SITES if other != language)


def address(builder: Any, page: str, language: str) -> str:
    """From a page of this site to the same page of another site beside it."""
    folder, _ = SITES[language]
    up = builder.get_relative_uri(page, builder.config.root_doc).count("../") + 1
    return "../" * up + folder + "/" + builder.get_target_uri(page)


def add_addresses(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    other = other_language(app.config.language)
    context["other_language"] = {
        "code": SITES[other][0],
        "tag": other.replace("_", "-"),
        "name": SITES[other][1],
        "address": address(app.builder, page, other),
    }
    links = [f'<link rel="alternate" hreflang="{other.replace("_", "-")}" href="{address(app.builder, page, other)}">']
    context["metatags"] = context.get("metatags", "") + "\n    ".join(links)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", add_addresses)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
