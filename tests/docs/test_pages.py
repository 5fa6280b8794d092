"""Every page exists in both languages, with the same code and the same results."""

from pathlib import Path

import page_pairs
import pytest
import result_path

ROOT = Path(__file__).resolve().parents[2]
ENGLISH, CHINESE = ROOT / "docs" / "en", ROOT / "docs" / "zh"
PAGES = sorted(page_pairs.names(ENGLISH) | page_pairs.names(CHINESE))
TWO_LANGUAGES = [folder / page for page in PAGES for folder in (ENGLISH, CHINESE)]


def test_there_are_pages() -> None:
    assert {"index.md", "tutorials/lif_fc_mnist.md"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_have_the_page_with_the_same_code(page: str) -> None:
    assert (ENGLISH / page).is_file(), "there is a Chinese page only"
    assert (CHINESE / page).is_file(), "there is an English page only"
    english, chinese = (ENGLISH / page).read_text(encoding="utf-8"), (CHINESE / page).read_text(encoding="utf-8")
    assert page_pairs.differences(english, chinese) == []


@pytest.mark.parametrize("path", TWO_LANGUAGES, ids=lambda path: path.relative_to(ROOT / "docs").as_posix())
def test_stored_results_of_a_page_exist(path: Path) -> None:
    for text in page_pairs.results(path.read_text(encoding="utf-8")):
        folder = ROOT / "benchmarks" / "results"
        if "|" in text:
            assert result_path.look_up(folder, text.replace(r"\|", "|"))
        else:
            assert result_path.load(folder, text)


@pytest.mark.parametrize("path", TWO_LANGUAGES, ids=lambda path: path.relative_to(ROOT / "docs").as_posix())
def test_code_fits_on_the_page(path: Path) -> None:
    assert page_pairs.too_long(path.read_text(encoding="utf-8")) == []


PAGE = """# One

```{code-cell} ipython3
:tags: [hide-input]

x = 1  # the first
y = 2
```

## Two

{result}`cpu: machine cores | d`

```{toctree}
:hidden:

one
```
"""


def test_equal_pages_do_not_differ() -> None:
    words_and_options = PAGE.replace("# One", "# 一").replace(":tags: [hide-input]\n", "")
    assert page_pairs.cells(PAGE) == ["x = 1  # the first\ny = 2"]
    assert page_pairs.differences(PAGE, words_and_options) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# the first", "# 第一", "cell 1, line 1"),
        ("y = 2\n", "", "cell 1 has 2 lines in English, 1 in Chinese"),
        ("## Two", "### Two", "headings: [1, 2] in English, [1, 3] in Chinese"),
        ("## Two", "Two", "headings"),
        ("cores", "threads", "stored results"),
        ("\none\n", "\nother\n", "lists"),
        ("## Two", "```{code-cell} ipython3\nz = 3\n```\n\n## Two", "number of cells: 1 in English, 2 in Chinese"),
    ],
)
def test_a_difference_is_found(old: str, new: str, message: str) -> None:
    assert old in PAGE
    found = page_pairs.differences(PAGE, PAGE.replace(old, new))
    assert any(message in difference for difference in found), found


def test_a_long_line_is_found() -> None:
    assert page_pairs.too_long(PAGE.replace("y = 2", f"y = {'2' * 90}")) == [f"y = {'2' * 90}"]
