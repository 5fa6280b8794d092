"""Chinese text and queries are cut alike, in pairs of characters."""

import pytest

pytest.importorskip("sphinx", reason='Sphinx is not installed: pip install "spikingjelly[docs]"')

from chinese_search import SPLIT_QUERY, SearchPairs, pairs


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("膜电位", ["膜电", "电位"]),
        ("脉冲", ["脉冲"]),
        ("层", ["层"]),
        ("用LIFNode（单步）训练", ["用", "LIFNode", "单步", "训练"]),
        ("reset_net: T=4", ["reset_net", "T", "4"]),
        ("", []),
    ],
)
def test_pairs(text: str, words: list[str]) -> None:
    assert pairs(text) == words


def test_latin_words_are_stemmed_and_chinese_ones_are_not() -> None:
    language = SearchPairs({})
    assert [language.stem(word) for word in language.split("Neurons 神经元")] == ["neuron", "神经", "经元"]
    assert language.js_splitter_code == SPLIT_QUERY
