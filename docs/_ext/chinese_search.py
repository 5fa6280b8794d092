"""Search in Chinese text without a dictionary of words: text and query are cut into pairs of neighbouring characters.

A dictionary would have to know the field's terms, and the query, which is cut in the browser, would need the same one.
"""

import re
from typing import Any

import snowballstemmer
from sphinx.application import Sphinx
from sphinx.search import SearchLanguage

RUNS = re.compile(r"[\u3400-\u9fff]+|[A-Za-z0-9_]+")

SPLIT_QUERY = r"""
var splitQuery = (query) =>
  (query.match(/[\u3400-\u9fff]+|[A-Za-z0-9_]+/g) || []).flatMap((run) =>
    /[\u3400-\u9fff]/.test(run) && run.length > 2
      ? Array.from({ length: run.length - 1 }, (_, i) => run.slice(i, i + 2))
      : [run]
  );
"""


def pairs(text: str) -> list[str]:
    """Words of Latin letters, and of each run of Chinese characters all pairs of neighbours."""
    found: list[str] = []
    for run in RUNS.findall(text):
        chinese = run[0] >= "\u3400"
        found += [run[i : i + 2] for i in range(len(run) - 1)] if chinese and len(run) > 2 else [run]
    return found


class SearchPairs(SearchLanguage):
    """The search language ``zh``; words of Latin letters are treated as in English."""

    lang = "zh"
    language_name = "English"  # of the stemmer
    js_stemmer_rawcode = "english-stemmer.js"
    js_splitter_code = SPLIT_QUERY

    def __init__(self, options: dict[str, str]) -> None:
        super().__init__(options)
        self.stemmer = snowballstemmer.stemmer("english")

    def split(self, input: str) -> list[str]:
        return pairs(input)

    def stem(self, word: str) -> str:
        return self.stemmer.stemWord(word.lower())


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_search_language(SearchPairs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
