"""Where kernels are kept, who may write there, and what is said when they can't be built."""

import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from spikingjelly.activation_based import neuron
from spikingjelly.fusion import build, choice
from tests.parity.compare import counted

pytestmark = pytest.mark.skipif(build.compiler() is None, reason="there is no C++ compiler here")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, which does not exist yet."""
    monkeypatch.setenv("SPIKINGJELLY_CACHE", str(tmp_path / "cache"))
    build.load.cache_clear()
    return tmp_path / "cache"


def returning(number: int) -> str:
    return f'extern "C" int answer() {{ return {number}; }}\n'


def fresh_process(code: str, **environment: str) -> subprocess.Popen:
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_source_and_library_lie_side_by_side_in_a_private_folder(cache: Path) -> None:
    assert build.load(returning(1)).answer() == 1
    folder = cache / "kernels"
    assert mode(folder) == 0o700
    assert sorted(path.suffix for path in folder.iterdir()) == [".cpp", ".sha256", ".so"]
    (text,) = folder.glob("*.cpp")
    assert text.read_text() == returning(1)
    assert text.with_suffix(".so").exists()


def test_a_library_is_built_once_for_each_source_set_of_flags_and_compiler(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [build._path_of(returning(1)), build._path_of(returning(2))]
    with monkeypatch.context() as patch:
        patch.setattr(build, "_flags", lambda: ("-O1",))
        paths.append(build._path_of(returning(1)))
    with monkeypatch.context() as patch:
        patch.setattr(build, "_compiler_version", lambda: "another")
        paths.append(build._path_of(returning(1)))
    with monkeypatch.context() as patch:
        patch.setattr(build, "_processor", lambda: "another")
        paths.append(build._path_of(returning(1)))
    assert len(set(paths)) == len(paths)
    assert build._path_of(returning(1)) == paths[0]
    build.load(returning(1))
    build.load.cache_clear()
    monkeypatch.setattr(build, "_build", lambda *arguments: pytest.fail("it is there already"))
    assert build.load(returning(1)).answer() == 1


def test_processes_that_build_the_same_at_once_all_get_it(cache: Path, tmp_path: Path) -> None:
    code = f"""
import pathlib, time
from spikingjelly.fusion import build
pathlib.Path({str(tmp_path)!r}, f"ready-{{__import__('os').getpid()}}").touch()
while not pathlib.Path({str(tmp_path)!r}, "go").exists(): time.sleep(0.001)
print(build.load({returning(3)!r}).answer())
"""
    processes = [fresh_process(code) for _ in range(5)]
    while len(list(tmp_path.glob("ready-*"))) < len(processes):
        assert all(process.poll() is None for process in processes)
    (tmp_path / "go").touch()
    outputs = [process.communicate() for process in processes]
    assert outputs == [("3\n", "")] * len(processes)
    assert sorted(path.suffix for path in (cache / "kernels").iterdir()) == [".cpp", ".sha256", ".so"]


def test_a_library_appears_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is built elsewhere in the folder and moved, not copied, to its place."""
    path, made = build._path_of(returning(8)), []
    original = build._run_compiler

    def watched(command: list[str]) -> None:
        original(command)
        assert not path.exists()
        made.append(Path(command[command.index("-o") + 1]).stat().st_ino)

    monkeypatch.setattr(build, "_run_compiler", watched)
    build.load(returning(8))
    assert path.stat().st_ino == made[-1]


def test_a_folder_that_others_may_write_to_becomes_private(cache: Path) -> None:
    folder = cache / "kernels"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert build.cache_folder() == folder
    assert mode(folder) == 0o700


def test_a_folder_of_somebody_else_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cache / "kernels").mkdir(parents=True)
    uid = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    with pytest.raises(build.BuildError, match=r"cache/kernels belongs to another user\. Set SPIKINGJELLY_CACHE"):
        build.load(returning(4))
    assert list((cache / "kernels").iterdir()) == []


def test_a_given_folder_that_is_none_is_an_error(cache: Path) -> None:
    cache.write_text("a file")
    with pytest.raises(
        build.BuildError, match=r"SPIKINGJELLY_CACHE=.*cache can't be used: .*Not a directory|File exists"
    ):
        build.load(returning(5))


def test_without_a_place_of_the_users_own_kernels_go_to_a_private_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home folder that is none, or a user without one; the folder of all temporary files is everybody's."""
    monkeypatch.delenv("SPIKINGJELLY_CACHE")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    expected = tmp_path / f"spikingjelly-{os.getuid()}" / "kernels"
    (tmp_path / "no folder").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no folder"))
    assert build.cache_folder() == expected
    assert [mode(expected), mode(expected.parent)] == [0o700, 0o700]

    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", nowhere)
    assert build.cache_folder() == expected
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    assert build.cache_folder() == tmp_path / "own" / "spikingjelly" / "kernels"


def test_a_library_that_was_cut_off_is_built_again(cache: Path) -> None:
    path = build._path_of(returning(6))
    path.write_bytes(b"\x7fELF")
    assert build.load(returning(6)).answer() == 6


def test_a_library_of_which_a_part_was_lost_is_not_loaded(cache: Path) -> None:
    """Its head would be taken for a library, and the first look at its end would kill the process."""
    path = build._path_of(returning(8))
    build._build(returning(8), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:3000])
    assert build.load(returning(8)).answer() == 8
    assert path.read_bytes() == whole


def test_a_library_of_somebody_else_is_built_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been put there while the folder was open to all."""
    build._build(returning(7), build._path_of(returning(6)))
    monkeypatch.setattr(build, "_is_own", lambda path: path.suffix != ".so")
    assert build.load(returning(6)).answer() == 6


def test_a_folder_without_space_is_an_error_of_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryDirectory", full)
    with pytest.raises(build.BuildError, match=r"No space left on device\. Set SPIKINGJELLY_CACHE to another folder"):
        build.load(returning(7))


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("no program at all", "the C\\+\\+ compiler can't be started: .*Exec format error.*Set CXX to another one"),
        ("#!/bin/sh\nexit 0", "the C\\+\\+ compiler .*broken-c\\+\\+ has built nothing and reported no error"),
        (
            '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done; echo rubbish > "$2"',
            "what the C\\+\\+ compiler .*broken-c\\+\\+ has built can't be loaded",
        ),
    ],
)
def test_a_broken_compiler_is_named(
    program: str, message: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken-c++"
    broken.write_text(program)
    broken.chmod(0o700)
    monkeypatch.setattr(build, "compiler", lambda: str(broken))
    with pytest.raises(build.BuildError, match=message):
        build.load(returning(9))


class Unique(neuron.LIFNode):
    """A neuron with a kernel that nothing else has built."""

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v.cos() * 0.375 + x.sin().tanh()


@pytest.mark.parametrize("backend", ["auto", "cpp"])
def test_when_the_compiler_fails_the_loop_runs_and_one_message_has_its_text(
    backend: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken c++"
    broken.write_text("#!/bin/sh\necho 'catastrophe in line 7' >&2\nexit 3\n")
    broken.chmod(0o700)
    monkeypatch.setattr(build, "compiler", lambda: str(broken))
    monkeypatch.setattr(choice, "_said", set())
    choice.prepare.cache_clear()
    x = torch.rand(64, 64)
    with caplog.at_level(logging.WARNING), counted() as calls:
        outputs = [Unique(step_mode="m", backend=backend)(x) for _ in range(2)]
    choice.prepare.cache_clear()
    assert calls == []
    assert torch.equal(outputs[1], Unique(step_mode="m", backend="torch")(x))
    (message,) = caplog.messages
    assert "the C++ compiler failed" in message
    assert "catastrophe in line 7" in message
    assert message.endswith("The eager PyTorch loop runs.")
    assert [path for path in (cache / "kernels").iterdir() if path.suffix != ".cpp"] == []


def test_a_named_backend_without_compiler_runs_in_the_loop_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(choice, "_said", set())
    monkeypatch.setattr(build, "compiler", lambda: None)
    with caplog.at_level(logging.WARNING), counted() as calls:
        for _ in range(2):
            neuron.IFNode(step_mode="m", backend="cpp")(torch.rand(4, 3))
    assert calls == []
    (message,) = caplog.messages
    assert "no C++ compiler was found" in message


def test_the_compiler_is_that_of_the_environment_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for name in (sys.executable, "no such compiler"):
        monkeypatch.setenv("CXX", name)
        build.compiler.cache_clear()
        found.append(build.compiler())
    build.compiler.cache_clear()
    monkeypatch.delenv("CXX")
    assert found == [sys.executable, build.compiler()]
    build.compiler.cache_clear()


@pytest.mark.parametrize(
    ("make", "lines"),
    [
        (lambda: neuron.IFNode(v_reset=None, v_threshold=0.75), ["s0 + x;", ">= R(0.0);", "c0 = 0.75"]),
        (lambda: neuron.EIFNode(theta_rh=0.7, delta_T=0.9), ["M(exp)(", "c0 ="]),
        (lambda: neuron.ParametricLIFNode(init_tau=3.0), ["const R u0", "SUM_a0"]),
        (lambda: neuron.IzhikevichNode(a=0.1, b=0.2), ["next_s1", "GS_s1"]),
    ],
    ids=["IF", "EIF", "PLIF", "Izhikevich"],
)
def test_the_source_of_a_neuron_holds_its_equations_and_can_be_built(make, lines: list[str]) -> None:
    node = make()
    text = node.fused_source()
    assert f"// {type(node).__name__}" in text
    for line in lines:
        assert line in text
    library = build.load(text)
    assert hasattr(library, "forward")
    assert hasattr(library, "backward")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux")
def test_nothing_is_built_before_it_is_called_and_no_second_openmp_comes_in(cache: Path) -> None:
    code = """
import os, pathlib, re, torch
from spikingjelly.activation_based import functional, layer, neuron, surrogate
node = neuron.LIFNode(step_mode="m", backend="cpp")
print(os.path.exists(os.environ["SPIKINGJELLY_CACHE"]))
torch.set_num_threads(2)
x = torch.rand(64, 4096, requires_grad=True)
node(x).sum().backward()
print(os.path.exists(os.environ["SPIKINGJELLY_CACHE"]))
maps = pathlib.Path("/proc/self/maps").read_text()
print(len(set(re.findall(r"\\S*/lib(?:gomp|omp|iomp5)[^/\\s]*\\.so\\S*", maps))))
"""
    output, errors = fresh_process(code).communicate()
    assert errors == ""
    assert output.split() == ["False", "True", "1"]
