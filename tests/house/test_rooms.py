"""Who may import what: arrows point down, and nothing heavy is imported before it is needed."""

import ast
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

import spikingjelly

PACKAGE = Path(spikingjelly.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# room -> rooms of the package that it must not import
ACTIVATION = "spikingjelly.activation_based"
COMMAND = "spikingjelly._command"
FORMER = ["spikingjelly.clock_driven", "spikingjelly.event_driven", "spikingjelly.cext"]
TIMING = "spikingjelly.timing_based"
PRODUCTS = "spikingjelly.products"
POOLING = "spikingjelly.pooling"
PACKING = "spikingjelly.packing"
NORMALIZATION = "spikingjelly.normalization"
FORBIDDEN = {
    "spikingjelly.fusion": [ACTIVATION, PRODUCTS, POOLING, "spikingjelly.datasets", *FORMER],
    "spikingjelly._layer_kernels": [
        ACTIVATION,
        NORMALIZATION,
        PRODUCTS,
        POOLING,
        PACKING,
        "spikingjelly.datasets",
        *FORMER,
    ],
    PRODUCTS: [ACTIVATION, NORMALIZATION, POOLING, "spikingjelly.datasets", *FORMER],
    NORMALIZATION: [ACTIVATION, PRODUCTS, POOLING, PACKING, "spikingjelly.datasets", *FORMER],
    POOLING: [ACTIVATION, NORMALIZATION, PRODUCTS, PACKING, "spikingjelly.datasets", *FORMER],
    PACKING: [ACTIVATION, NORMALIZATION, PRODUCTS, POOLING, "spikingjelly.datasets", *FORMER],
    "spikingjelly.configure": [ACTIVATION, "spikingjelly.fusion", "spikingjelly.datasets", *FORMER],
    "spikingjelly.datasets": [ACTIVATION, "spikingjelly.fusion", *FORMER],
    **{room: ["spikingjelly.fusion", "spikingjelly.datasets"] for room in FORMER},
    f"{ACTIVATION}._checks": [ACTIVATION, "spikingjelly.fusion", "spikingjelly.datasets"],
    f"{ACTIVATION}.base": [
        f"{ACTIVATION}.neuron",
        f"{ACTIVATION}.layer",
        f"{ACTIVATION}.functional",
        f"{ACTIVATION}.memopt",
        "spikingjelly.fusion",
    ],
    f"{ACTIVATION}.surrogate": [f"{ACTIVATION}.neuron", f"{ACTIVATION}.layer", "spikingjelly.fusion"],
    f"{ACTIVATION}.neuron": [
        f"{ACTIVATION}.layer",
        f"{ACTIVATION}.functional",
        f"{ACTIVATION}.memopt",
        "spikingjelly.datasets",
    ],
    f"{ACTIVATION}.rnn": [
        f"{ACTIVATION}.layer",
        f"{ACTIVATION}.functional",
        f"{ACTIVATION}.base",
        "spikingjelly.fusion",
        "spikingjelly.datasets",
    ],
    f"{ACTIVATION}.nir_exchange": [
        f"{ACTIVATION}.learning",
        f"{ACTIVATION}.model",
        f"{ACTIVATION}.monitor",
        f"{ACTIVATION}.rnn",
        "spikingjelly.fusion",
        "spikingjelly.datasets",
    ],
    f"{ACTIVATION}.onnx_exchange": [
        f"{ACTIVATION}.hub",
        f"{ACTIVATION}.layer",
        f"{ACTIVATION}.learning",
        f"{ACTIVATION}.model",
        f"{ACTIVATION}.monitor",
        f"{ACTIVATION}.neuron",
        f"{ACTIVATION}.nir_exchange",
        "spikingjelly.fusion",
        "spikingjelly.datasets",
    ],
    f"{ACTIVATION}.hub": [
        f"{ACTIVATION}.learning",
        f"{ACTIVATION}.monitor",
        f"{ACTIVATION}.nir_exchange",
        f"{ACTIVATION}.onnx_exchange",
        "spikingjelly.fusion",
        "spikingjelly.datasets",
    ],
    f"{ACTIVATION}._before_export": [f"{ACTIVATION}.layer", f"{ACTIVATION}.neuron", f"{ACTIVATION}.functional"],
    f"{ACTIVATION}._leading_step_mode": [f"{ACTIVATION}.layer", f"{ACTIVATION}.neuron", f"{ACTIVATION}.functional"],
    "spikingjelly._extras": ["spikingjelly", "torch"],
    "spikingjelly._saved_tensors": ["spikingjelly"],
    "spikingjelly._memory_order": ["spikingjelly"],
    "spikingjelly._transforms": ["spikingjelly"],
    f"{ACTIVATION}._write_aside": ["spikingjelly", "torch"],
    "spikingjelly._command_line": [ACTIVATION, "spikingjelly.fusion", "spikingjelly.datasets", COMMAND],
    f"{ACTIVATION}.lava_exchange": ["spikingjelly.fusion", f"{ACTIVATION}.integer", f"{ACTIVATION}.layer"],
    f"{ACTIVATION}.lynxi_exchange": ["spikingjelly.fusion", f"{ACTIVATION}.integer"],
    f"{ACTIVATION}.integer": ["spikingjelly.fusion", f"{ACTIVATION}.lava_exchange"],
    f"{ACTIVATION}.functional": [
        f"{ACTIVATION}.layer",
        f"{ACTIVATION}.memopt",
        f"{ACTIVATION}.examples",
        "spikingjelly.datasets",
    ],
    f"{ACTIVATION}.memopt": [f"{ACTIVATION}.layer", f"{ACTIVATION}.model", "spikingjelly.datasets"],
    f"{ACTIVATION}.monitor": [
        f"{ACTIVATION}.layer",
        f"{ACTIVATION}.functional",
        f"{ACTIVATION}.learning",
        "spikingjelly.fusion",
        "spikingjelly.datasets",
    ],
    f"{ACTIVATION}.profiler": [f"{ACTIVATION}.model", "spikingjelly.fusion", "spikingjelly.datasets"],
    f"{ACTIVATION}.learning": [f"{ACTIVATION}.neuron", f"{ACTIVATION}.layer", "spikingjelly.fusion"],
    ACTIVATION: ["spikingjelly.datasets", TIMING, "spikingjelly.visualizing", *FORMER],
    TIMING: [ACTIVATION, "spikingjelly.fusion", "spikingjelly.datasets", "spikingjelly.visualizing", *FORMER],
    "spikingjelly.visualizing": [ACTIVATION, TIMING, "spikingjelly.fusion", "spikingjelly.datasets", *FORMER],
}
# The checks of arguments are shared.
ALLOWED = {TIMING: f"{ACTIVATION}._checks"}
EXAMPLES = f"{ACTIVATION}.examples"
# Nobody imports these; they only need what is below them.
DEPLOYMENT = (f"{ACTIVATION}.nir_exchange", f"{ACTIVATION}.onnx_exchange", f"{ACTIVATION}.hub")
# Nobody below imports these; each may import all that is public, and what is named behind it, of the others.
TOP_SHELF = {
    EXAMPLES: [],
    f"{ACTIVATION}.ann2snn": [f"{EXAMPLES}.common"],
    f"{TIMING}.examples": [f"{EXAMPLES}.common"],
    "spikingjelly.clock_driven.ann2snn": [f"{ACTIVATION}.ann2snn"],
}
SHOWS_DATASETS = (EXAMPLES, f"{ACTIVATION}.ann2snn.examples", f"{TIMING}.examples")

# Each room of the engine -> the rooms whose parts it may import; a room is a module or a package.
ENGINE = "spikingjelly.fusion"
ENGINE_ARROWS = {
    "program": [],
    "step": [],
    "build": [],
    "memory": [],
    "origin": [],
    "body": ["program"],
    "numbers": ["program"],
    "eager": ["program"],
    "printers": ["program"],
    "operations": ["body"],
    "templates": ["program", "printers"],
    "recorder": ["program", "step", "body", "operations", "eager"],
    "trace": ["program", "step", "body", "eager", "recorder"],
    "call": ["program", "eager", "memory"],
    "targets": ["program", "build", "call", "templates"],
    "second": ["step"],
    "task": ["program", "step", "eager", "call", "origin", "targets"],
    "operator": ["program", "step", "call", "origin", "second", "task"],
    "choice": ["step", "build", "task"],
    "dispatch": ["program", "step", "numbers", "trace", "call", "task", "operator", "choice", "memory", "origin"],
}
# What a program is and how it is written down needs no PyTorch; compiling and loading it doesn't either.
WITHOUT_TORCH = ("program", "body", "numbers", "operations", "printers", "templates", "build")
TRIED_OUT = ("torch._", "torch.utils._", "torch.fx", "torch.library")
HEAVY = {
    "torchvision",
    "torchaudio",
    "matplotlib",
    "scipy",
    "h5py",
    "aedat",
    "cupy",
    "triton",
    "requests",
    "tensorboard",
    "gymnasium",
    "nir",
    "lightning",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "huggingface_hub",
    "safetensors",
}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def within_any(module: str, rooms: Iterable[str]) -> bool:
    return any(within(module, room) for room in rooms)


def imports_of(path: Path, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where an arrow points"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_arrows_point_down(path: Path) -> None:
    module = module_name(path)
    imported = imports_of(path)
    for room, forbidden in FORBIDDEN.items():
        if within(module, room) and not (room in (ACTIVATION, TIMING) and within_any(module, SHOWS_DATASETS)):
            upward = [i for i in imported for f in forbidden if within(i, f) and not within(f, module)]
            upward = [i for i in upward if not within(i, ALLOWED.get(room, module))]
            own_room = [i for i in upward if not within(i, room) or room == f"{ACTIVATION}._checks"]
            assert not own_room, f"{module} imports {own_room}"
    for shelf in TOP_SHELF:
        allowed = [shelf, *(r for own, rooms in TOP_SHELF.items() if within(module, own) for r in rooms)]
        reached = [i for i in imported if within(i, shelf)]
        if not within(module, shelf):
            assert not [i for i in reached if not within_any(i, allowed[1:])], f"{module} imports {reached}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_the_network_does_not_know_where_it_is_deployed(path: Path) -> None:
    if not within_any(module_name(path), (*DEPLOYMENT, EXAMPLES, COMMAND)):
        assert not [i for i in imports_of(path) if within_any(i, DEPLOYMENT)]


@pytest.mark.parametrize("path", [p for p in FILES if within_any(module_name(p), tuple(TOP_SHELF))], ids=module_name)
def test_the_top_shelf_uses_public_names_only(path: Path) -> None:
    """Of other rooms; a package's own private files are its own."""
    module = module_name(path)
    own = next(shelf for shelf in TOP_SHELF if within(module, shelf))
    others = [i for i in imports_of(path) if i.startswith("spikingjelly") and not within(i, own)]
    assert not [i for i in others if any(part.startswith("_") for part in i.split("."))]


@pytest.mark.parametrize(
    "path",
    [
        p
        for p in FILES
        if "neuron" in p.parts
        and p.name
        not in (
            "_fused.py",
            "_compiled.py",
            "_lift.py",
            "_eager_only.py",
            "_charge_hint.py",
            "_outside_calls.py",
            "__init__.py",
        )
    ],
    ids=str,
)
def test_neuron_families_know_no_engine(path: Path) -> None:
    assert not [i for i in imports_of(path) if within(i, "spikingjelly.fusion")]


@pytest.mark.parametrize("path", [p for p in FILES if "examples" in p.parts], ids=module_name)
def test_examples_use_public_names_only(path: Path) -> None:
    own = [i for i in imports_of(path) if i.startswith("spikingjelly")]
    assert not [i for i in own if any(part.startswith("_") for part in i.split("."))]


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_nothing_heavy_at_module_level(path: Path) -> None:
    assert not {i.split(".")[0] for i in imports_of(path, top_level_only=True)} & HEAVY


def test_importing_everything_loads_nothing_heavy() -> None:
    names = [module_name(path) for path in FILES if path.name != "__main__.py"]
    code = f"import sys\nfor name in {names}: __import__(name)\nprint(sorted(set(sys.modules) & {HEAVY}))"
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    assert result.stderr == ""


def test_importing_everything_loads_no_compiler() -> None:
    """`torch._dynamo` takes a second to import."""
    names = [module_name(path) for path in FILES if path.name != "__main__.py"]
    code = f"import sys\nfor name in {names}: __import__(name)\nprint(sorted({{'torch._dynamo', 'sympy'}} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_importing_the_package_loads_no_more_than_torch() -> None:
    code = "import spikingjelly, sys; print([m for m in sys.modules if m.startswith('spikingjelly.')])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "['spikingjelly._version']"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_files_hold_one_idea(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


def engine_room(module: str) -> str:
    return module.removeprefix(f"{ENGINE}.").split(".")[0]


IN_THE_ENGINE = [path for path in FILES if module_name(path).startswith(f"{ENGINE}.")]


def test_every_part_of_the_engine_has_its_room_and_no_room_is_empty() -> None:
    assert {engine_room(module_name(path)) for path in IN_THE_ENGINE} == set(ENGINE_ARROWS)


def test_the_rooms_of_the_engine_are_in_order() -> None:
    """Each imports only from rooms that stand above it in the table, so there is no circle."""
    seen: set[str] = set()
    for room, below in ENGINE_ARROWS.items():
        assert set(below) <= seen, f"{room} stands before {set(below) - seen}"
        seen.add(room)


@pytest.mark.parametrize("path", IN_THE_ENGINE, ids=module_name)
def test_arrows_inside_the_engine_point_down(path: Path) -> None:
    room = engine_room(module_name(path))
    rooms = {engine_room(i) for i in imports_of(path) if within(i, ENGINE)}
    allowed = {room, *ENGINE_ARROWS[room]}
    assert rooms <= allowed, f"{module_name(path)} imports from {rooms - allowed}"


@pytest.mark.parametrize("room", ENGINE_ARROWS)
def test_no_arrow_inside_the_engine_is_allowed_that_nobody_takes(room: str) -> None:
    taken = {
        engine_room(i)
        for path in IN_THE_ENGINE
        if engine_room(module_name(path)) == room
        for i in imports_of(path)
        if within(i, ENGINE)
    }
    assert set(ENGINE_ARROWS[room]) <= taken


@pytest.mark.parametrize(
    "path", [p for p in IN_THE_ENGINE if engine_room(module_name(p)) in WITHOUT_TORCH], ids=module_name
)
def test_programs_and_their_texts_need_no_pytorch(path: Path) -> None:
    assert not [i for i in imports_of(path) if within(i, "torch")]


def test_targets_know_no_other_target_and_only_one_place_knows_them() -> None:
    for path in FILES:
        module = module_name(path)
        known = {i.split(".")[3] for i in imports_of(path) if i.startswith(f"{ENGINE}.targets.")}
        if module == f"{ENGINE}.targets.triton":
            assert known <= {"triton_interpreted"}
        elif module != f"{ENGINE}.task":
            assert not known, f"{module} imports {known}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_the_rest_of_the_package_enters_the_engine_by_its_door(path: Path) -> None:
    module = module_name(path)
    if not within(module, ENGINE):
        # The kernels of layers are built and kept as the engine's are, and so is the memory of what they compute.
        of_layers = module == "spikingjelly._layer_kernels"
        doors = [f"{ENGINE}.build", f"{ENGINE}.memory"] if of_layers else [f"{ENGINE}.dispatch"]
        inside = [i for i in imports_of(path) if within(i, ENGINE) and not within_any(i, doors)]
        assert not inside, f"{module} imports {inside}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_rooms_of_kernels_are_entered_by_their_door(path: Path) -> None:
    module = module_name(path)
    for room in (NORMALIZATION, PACKING, POOLING, PRODUCTS):
        inside = [i for i in imports_of(path) if within(i, room) and i.removeprefix(room).startswith("._")]
        assert not inside or within(module, room), f"{module} imports {inside}"


@pytest.mark.parametrize("path", IN_THE_ENGINE, ids=module_name)
def test_pytorchs_private_parts_are_used_where_a_step_is_traced(path: Path) -> None:
    private = [i for i in imports_of(path) if i.startswith(TRIED_OUT)]
    assert not private or engine_room(module_name(path)) in ("trace", "recorder")
