"""Pages of the API reference, one a public module, written from the package's ``__all__`` before Sphinx reads anything.

A module whose objects its package exports gets no page of its own: people import them from the package.
"""

import importlib
import inspect
import pkgutil
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

FORMER = ("clock_driven", "event_driven", "cext")
DOCSTRING_ONLY = {"activation_based.examples", "activation_based.ann2snn.examples", "timing_based.examples", "fusion"}
GROUPS = {  # heading in both languages -> beginnings of the modules' names; the first that fits takes a module
    ("Example programs", "示例程序"): (
        "activation_based.examples",
        "activation_based.ann2snn.examples",
        "timing_based.examples",
    ),
    ("Conversion of ANNs", "ANN 转 SNN"): ("activation_based.ann2snn",),
    ("Published models", "已发表的模型"): ("activation_based.model",),
    ("Neurons, layers, learning", "神经元、层与学习"): ("activation_based",),
    ("Data sets", "数据集"): ("datasets",),
    ("Names of earlier versions", "旧版本的名称"): FORMER,
    ("The engine", "内核引擎"): ("fusion", "products", "pooling", "normalization", "packing"),
    ("Other modules", "其他模块"): ("",),
}
ORDER = (3, 2, 1, 4, 7, 0, 5, 6)


def within(name: str, rooms: Any) -> bool:
    """Whether a module is, or lies in, one of the rooms; all lie in the room without a name."""
    return any(name == room or name.startswith(f"{room}." if room else "") for room in rooms)


def public_modules(package: str) -> Iterator[types.ModuleType]:
    """Every module of the package that has no private part in its name."""
    root = importlib.import_module(package)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # former names say what they are called today
        for found in pkgutil.walk_packages(root.__path__, f"{package}."):
            if not any(part.startswith("_") for part in found.name.split(".")):
                yield importlib.import_module(found.name)


def exported(module: types.ModuleType) -> list[str]:
    """``__all__``; without one the public classes and functions that are defined there."""
    names = getattr(module, "__all__", None)
    if names is None:
        own = inspect.isclass, inspect.isfunction
        names = [
            name
            for name, value in vars(module).items()
            if not name.startswith("_")
            and any(kind(value) for kind in own)
            and getattr(value, "__module__", None) == module.__name__
        ]
    return [name for name in names if not is_from_elsewhere(getattr(module, name))]


def is_from_elsewhere(value: Any) -> bool:
    """Modules, and what is not ours: published programs find it where they look for it, described it is elsewhere."""
    home = getattr(value, "__module__", None) or "spikingjelly"
    return inspect.ismodule(value) or not (isinstance(value, str) or within(home, ["spikingjelly"]))


def is_file_of_its_package(module: types.ModuleType) -> bool:
    """Whether the package above exports what this module has; without an ``__all__`` the rest is its own."""
    parent = importlib.import_module(module.__name__.rpartition(".")[0])
    above = getattr(parent, "__all__", ())
    from_above = [name in above and getattr(parent, name) is getattr(module, name) for name in exported(module)]
    return any(from_above) and (all(from_above) or not hasattr(module, "__all__"))


def full_name(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"


def constant(name: str, value: Any) -> str:
    """A name with a value: its type, and the keys of a dict."""
    keys = f"\n   Keys: {', '.join(f'``{key}``' for key in value)}\n" if isinstance(value, dict) else ""
    return f".. py:data:: {name}\n   :type: {type(value).__name__}\n{keys}"


def directive(module: types.ModuleType, name: str, homes: dict[str, str]) -> str:
    """How one exported object is shown: in full in one place, elsewhere as a link to it."""
    value = getattr(module, name)
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return constant(name, value)
    home = homes.setdefault(full_name(value), module.__name__)
    if home != module.__name__:
        return f".. py:data:: {name}\n\n   The same as :obj:`{home}.{name}`.\n"
    if inspect.isclass(value):
        return f".. autoclass:: {name}\n   :members:\n   :show-inheritance:\n"
    return f".. autofunction:: {name}\n"


def heading(short: str, line: str) -> list[str]:
    """The name of a module as a title that may be broken behind its dots, for narrow screens."""
    return [short.replace(".", ".\u200b"), line * 2 * len(short), ""]


def module_page(module: types.ModuleType, short: str, homes: dict[str, str]) -> str:
    """The text of a module's page."""
    lines = [*heading(short, "="), f".. automodule:: {module.__name__}", "   :no-members:", ""]
    if not within(short, DOCSTRING_ONLY):
        lines += [f".. currentmodule:: {module.__name__}", ""]
        lines += [directive(module, name, homes) for name in exported(module)]
    return "\n".join(lines)


def former_page(modules: dict[str, types.ModuleType], room: str) -> str:
    """A table: each former name and what it is now."""
    lines = [room, "=" * len(room), "", f".. automodule:: {modules[room].__name__}", "   :no-members:", ""]
    for short, module in modules.items():
        if within(short, [room]) and exported(module):
            lines += [*heading(short, "-"), ".. list-table::", "   :widths: 1 2", ""]
            for name in exported(module):
                value = getattr(module, name)
                lines += [f"   * - ``{name}``", f"     - ``{full_name(value)}``"]
            lines.append("")
    return "\n".join(lines)


def homes_of(modules: list[types.ModuleType]) -> dict[str, str]:
    """Full name of each object -> the module whose page describes it: the one that it is defined in, or below."""
    homes: dict[str, str] = {}
    for module in modules:
        for name in exported(module):
            value = getattr(module, name)
            if within(getattr(value, "__module__", ""), [module.__name__]):
                homes.setdefault(full_name(value), module.__name__)
    return homes


def has_page(short: str, module: types.ModuleType) -> bool:
    if within(short, (*FORMER, "activation_based.examples.common")):
        return False
    return bool(inspect.getdoc(module) or exported(module)) and not is_file_of_its_package(module)


def pages(package: str) -> dict[str, str]:
    """Name and text of each module's page."""
    modules = {module.__name__.removeprefix(f"{package}."): module for module in public_modules(package)}
    found = {room: former_page(modules, room) for room in FORMER if room in modules}
    shown = {short: module for short, module in modules.items() if has_page(short, module)}
    homes = homes_of(list(shown.values()))
    return found | {short: module_page(module, short, homes) for short, module in shown.items()}


def group_of(page: str) -> int:
    return next(i for i, rooms in enumerate(GROUPS.values()) if within(page, rooms))


def index_page(names: list[str], chinese: bool) -> str:
    """The list of all pages, in groups."""
    title = "API 参考" if chinese else "API reference"
    lead = (
        "由源代码中的文档字符串生成，因此为英文。"
        if chinese
        else "Written from the docstrings of the source: equations, shapes, units, defaults, errors, papers."
    )
    lines = [title, "=" * 2 * len(title), "", lead, ""]
    for number in ORDER:
        heading = list(GROUPS)[number][chinese]
        members = [name for name in names if group_of(name) == number]
        lines += [heading, "-" * 2 * len(heading), "", ".. toctree::", "   :maxdepth: 1", ""]
        lines += [f"   {name.removeprefix('activation_based.')} <{name}>" for name in members] + [""]
    return "\n".join(lines)


def write_if_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def write_pages(app: Sphinx) -> None:
    """Write what changed, remove what is gone, so that a second build reads only what is new."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    texts = pages(app.config.api_package)
    texts["index"] = index_page(sorted(texts), app.config.language.startswith("zh"))
    for name, text in texts.items():
        write_if_changed(folder / f"{name}.rst", text)
    for path in folder.glob("*.rst"):
        if path.stem not in texts:
            path.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("api_package", "", "env")
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
