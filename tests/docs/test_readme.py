"""The README is a program, in both languages: its code runs, its commands are understood, its figures are stored."""

import re
import shlex
from pathlib import Path

import pytest
import result_path

from spikingjelly.activation_based import surrogate
from spikingjelly.activation_based.examples import lif_fc_mnist
from spikingjelly.datasets._command.registry import ENTRIES, find
from spikingjelly.datasets._command.texts import sensor

ROOT = Path(__file__).resolve().parents[2]
READMES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md")}
ENGLISH, CHINESE = READMES.values()
BOTH = pytest.mark.parametrize("name", READMES)

_LIF = 'cpu: figures row=neuron_vs_peers "case.kind=LIF" case.T={} case.N={} "contender={}" '
_FASHION = 'cpu: figures row=fashion_mnist case.channels=64 case.published=True "contender={}" '
_TUNED = _FASHION.replace("published=True", "published=False")
_SEW = 'models: figures row=models case.model=sew_resnet18 case.side=224 case.published=True "contender={}" '
_SPIKFORMER = _SEW.replace("sew_resnet18 case.side=224", "spikformer_4_384 case.side=32")
_OURS, _UPSTREAM, _SNNTORCH = "ours, 'cpp'", "spikingjelly 2.0.0", "snnTorch 1.0.0"
_BYTES = 'figures row=memory "contender={}" bytes median'
_OURS_IN_BYTES = _BYTES.format(_OURS)
# In the order in which the tables show them.
FIGURES = [
    ("examples/lif_fc_mnist: epochs -1 test_acc | *100 .2f", "%"),
    ("examples/conv_fashion_mnist: epochs -1 test_acc | *100 .2f", "%"),
    ("examples/rsnn_sequential_fmnist_fb: epochs -1 test_acc | *100 .2f", "%"),
    ("examples/lava_mnist: accuracy_8bit | *100 .2f", "%"),
    ("ann2snn_mnist: snn 99.9% 50 | *100 .2f", "%"),
    (_LIF.format(4, 2**20, _OURS) + "seconds median | *1000 .1f", "ms"),
    (_LIF.format(4, 2**20, _UPSTREAM) + "ratio median | .1f", "x"),
    (_LIF.format(4, 2**20, _SNNTORCH) + "ratio median | .1f", "x"),
    (_LIF.format(16, 2**20, _OURS) + "seconds median | *1000 .0f", "ms"),
    (_LIF.format(16, 2**20, _UPSTREAM) + "ratio median | .0f", "x"),
    (_LIF.format(16, 2**20, _SNNTORCH) + "ratio median | .0f", "x"),
    (_LIF.format(100, 2**14, _OURS) + "seconds median | *1000 .1f", "ms"),
    (_LIF.format(100, 2**14, _UPSTREAM) + "ratio median | .0f", "x"),
    (_LIF.format(100, 2**14, _SNNTORCH) + "ratio median | .0f", "x"),
    (f"cpu: {_OURS_IN_BYTES} | *1e-6 .0f", "MB"),
    (f"cpu: {_BYTES.format(_UPSTREAM)} / {_OURS_IN_BYTES} | .1f", "x"),
    (f"cpu: {_BYTES.format(_SNNTORCH)} / {_OURS_IN_BYTES} | .1f", "x"),
    (f'cpu: figures row=shd "contender={_OURS}" seconds median | *1000 .0f', "ms"),
    (f'cpu: figures row=shd "contender={_UPSTREAM}" ratio median | .1f', "x"),
    (f'cpu: figures row=shd "contender={_SNNTORCH}" ratio median | .1f', "x"),
    (_FASHION.format(_OURS) + "seconds median | *1000 .0f", "ms"),
    (_FASHION.format(_UPSTREAM) + "ratio median | .1f", "x"),
    (_TUNED.format(_OURS) + "seconds median | *1000 .0f", "ms"),
    (_TUNED.format(_UPSTREAM) + "ratio median | .1f", "x"),
    (_SEW.format(_OURS) + "seconds median | *1000 .0f", "ms"),
    (_SEW.format(_UPSTREAM) + "ratio median | .1f", "x"),
    (_SPIKFORMER.format(_OURS) + "seconds median | *1000 .0f", "ms"),
    (_SPIKFORMER.format(_UPSTREAM) + "ratio median | .1f", "x"),
]


def blocks(text: str, language: str = r"\w*") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.S)


def rows(text: str) -> list[list[str]]:
    """The cells of all tables."""
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in text.splitlines() if line[:1] == "|"]


def links(text: str) -> list[str]:
    return re.findall(r"\]\(((?!https?:)[^)#]+)\)", text)


@BOTH
def test_python_blocks_run_in_order(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    assert blocks(READMES[name], "python")
    for block in blocks(READMES[name], "python"):
        exec(compile(block, name, "exec"), namespace)


def test_both_have_the_same_code_headings_and_links() -> None:
    assert blocks(ENGLISH) == blocks(CHINESE)
    headings = [re.findall("^#+", re.sub("```.*?```", "", text, flags=re.S), flags=re.M) for text in READMES.values()]
    assert headings[0] == headings[1]
    in_chinese = [link.replace("docs/zh/", "docs/en/") for link in links(CHINESE)]
    # The two link to each other, and to the documentation in either language.
    other = {"README.md", "README.zh.md", "docs/en/index.md", "docs/zh/index.md"}
    assert set(in_chinese) - other == set(links(ENGLISH)) - other
    assert "README.zh.md" in links(ENGLISH)
    assert "README.md" in links(CHINESE)


@BOTH
def test_commands_of_the_main_job_are_understood(name: str, tmp_path: Path) -> None:
    lines = [line for block in blocks(READMES[name], "bash") for line in block.splitlines() if "lif_fc_mnist" in line]
    assert lines
    for line in lines:
        words = shlex.split(line.replace("MNIST_FOLDER", str(tmp_path)).replace("cuda:0", "cpu"), comments=True)
        assert words[1] == "-m"
        assert lif_fc_mnist.parse(words[3:]).T > 0


@BOTH
def test_make_targets_of_the_readme_exist(name: str) -> None:
    text = READMES[name]
    targets = set(re.findall(r"`make ([a-z-]+)`", text)) | set(re.findall(r"^make ([a-z-]+)", text, flags=re.M))
    makefile = (ROOT / "Makefile").read_text()
    assert {"demo", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.M), target


@BOTH
def test_files_that_the_readme_links_to_exist(name: str) -> None:
    assert links(READMES[name])
    for link in links(READMES[name]):
        assert (ROOT / link).exists(), link


@pytest.mark.parametrize(("name", "language"), [("README.md", "en"), ("README.zh.md", "zh")])
def test_every_tutorial_is_listed_under_its_title(name: str, language: str) -> None:
    pages = sorted((ROOT / "docs" / language / "tutorials").glob("*.md"))
    for page in pages:
        title = page.read_text(encoding="utf-8").split("\n# ", 1)[-1].removeprefix("# ").split("\n")[0]
        if page.stem != "index":
            assert f"[{title}](docs/{language}/tutorials/{page.name})" in READMES[name]


@BOTH
def test_figures_are_those_of_the_stored_results(name: str) -> None:
    found = [cell for row in rows(READMES[name]) for cell in row if re.fullmatch(r"[\d.]+ (%|ms|x|MB)", cell)]
    results = ROOT / "benchmarks" / "results"
    assert found == [f"{result_path.look_up(results, stored)} {unit}" for stored, unit in FIGURES]


@BOTH
def test_figures_in_the_text(name: str) -> None:
    ann = result_path.look_up(ROOT / "benchmarks" / "results", "ann2snn_mnist: ann | *100 .2f")
    assert f"{ann} %" in READMES[name]
    classes = {value for value in vars(surrogate).values() if isinstance(value, type)}
    surrogates = {c for c in classes if issubclass(c, surrogate.SurrogateFunctionBase)} - {
        surrogate.SurrogateFunctionBase,
        surrogate.MultiArgsSurrogateFunctionBase,
    }
    assert any(row[0] == "`surrogate`" and str(len(surrogates)) in row[1] for row in rows(READMES[name]))


def test_the_table_of_data_sets() -> None:
    listed = {row[0]: row[1:] for row in rows(ENGLISH) if len(row) == 5 and "." in row[1]}
    assert set(listed) == {entry.name for entry in ENTRIES} | {"Speech Commands"}
    for name in listed.keys() - {"Speech Commands"}:
        entry = find(name)
        way = "automatic" if entry.load().downloadable() else "by hand"
        path = f"`{entry.module.rpartition('.')[2]}.{entry.class_name}`"
        assert listed[name] == [path, sensor(entry.load()), str(entry.classes), way]
