"""Links of a built site that lead nowhere are found."""

from pathlib import Path

import pytest
from site_links import broken_links

PAGE = '<a href="{}">x</a><p id="here"></p><a href="https://example.org/none">outside</a>'


def site(folder: Path, link: str) -> Path:
    (folder / "sub").mkdir()
    (folder / "sub" / "page.html").write_text(PAGE.format(link))
    (folder / "other page.html").write_text('<h1 id="there">x</h1>')
    (folder / "index.html").write_text("<p>x</p>")
    return folder


@pytest.mark.parametrize(
    "link", ["#here", "../other%20page.html#there", "../index.html", "../", "mailto:a@example.org"]
)
def test_good(tmp_path: Path, link: str) -> None:
    assert broken_links(site(tmp_path, link)) == []


@pytest.mark.parametrize("link", ["#nowhere", "../other%20page.html#here", "../none.html", "page.htm"])
def test_broken(tmp_path: Path, link: str) -> None:
    assert broken_links(site(tmp_path, link)) == [f"sub/page.html: {link}"]


@pytest.mark.parametrize("tag", ['<img src="none.png">', '<script src="none.js"></script>', '<link href="none.css">'])
def test_what_a_page_loads_counts_too(tmp_path: Path, tag: str) -> None:
    (tmp_path / "index.html").write_text(tag)
    assert len(broken_links(tmp_path)) == 1
