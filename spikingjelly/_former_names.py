"""Modules that have another name in another release: they are found under both."""

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import CodeType, ModuleType
from typing import Any


def tell_once(old: str, new: str, example: str = "") -> None:
    """Say with a `FutureWarning` that ``old`` works and is called ``new`` today; called once, at the import of ``old``.

    Where warnings are errors it is silent: published programs are to run unmodified, and nothing is wrong with them.
    """
    try:
        warnings.warn(f"{old} is the former name of {new} and keeps working.{example}", FutureWarning, stacklevel=3)
    except FutureWarning:
        return


def find_as(old: str, new: str) -> None:
    """Let a module of the package ``old`` that has no file of its own be the module of that name in ``new``."""
    # In front: a module in a package of ``new`` would be found on the path of that package, and imported once more.
    sys.meta_path.insert(0, _FormerNames(old, new))


def find_modules_as(names: Mapping[str, str]) -> None:
    """Let each module of ``names``, which has no file, be the one that it is mapped to; both with their full names."""
    sys.meta_path.insert(0, _OtherNames(names))


def say_what_replaces(names: Mapping[str, str]) -> None:
    """Let the import of a module of ``names``, by its full name, fail with what the table tells to use instead."""
    sys.meta_path.insert(0, _Replaced(names))


def refuse(module: str, name: str, replaced: Mapping[str, str]) -> None:
    """Raise an `ImportError` that tells what to use instead, if ``name`` of ``module`` is in the table."""
    if name in replaced:
        raise ImportError(f"{module}.{name} does not exist. Use {replaced[name]}.")


def refusing(module: str, replaced: Mapping[str, str]) -> Callable[[str], Any]:
    """A ``__getattr__`` of ``module`` that does :func:`refuse`, and else finds nothing."""

    def find(name: str) -> Any:
        refuse(module, name, replaced)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return find


class _Replaced(MetaPathFinder):
    """Finds nothing."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in self.names:
            raise ModuleNotFoundError(f"{fullname} does not exist. Use {self.names[fullname]}.", name=fullname)
        return None


class _SecondName(MetaPathFinder, InspectLoader):
    """Imports one module for another: one module object with two names, so that its classes exist once."""

    def __init__(self) -> None:
        self.specs: dict[str, Any] = {}

    def _is_meant(self, fullname: str) -> bool:
        """Whether it is the second name of a module."""
        raise NotImplementedError

    def _today(self, fullname: str) -> str:
        """The name of that module."""
        raise NotImplementedError

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not self._is_meant(fullname):
            return None
        name = self._today(fullname)
        try:
            spec = importlib.util.find_spec(name)
        except ModuleNotFoundError:
            spec = None
        if spec is None:
            raise ModuleNotFoundError(f"{fullname} is {name} under a former name, which does not exist", name=fullname)
        return ModuleSpec(fullname, self, is_package=spec.submodule_search_locations is not None)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._today(spec.name))
        self.specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has written the spec of the old name into the module.
        if module.__spec__ is not None:
            module.__spec__ = self.specs.pop(module.__spec__.name)

    def is_package(self, fullname: str) -> bool:
        spec = importlib.util.find_spec(self._today(fullname))
        return spec is not None and spec.submodule_search_locations is not None

    def get_code(self, fullname: str) -> CodeType | None:
        spec = importlib.util.find_spec(self._today(fullname))
        return spec.loader.get_code(spec.name) if spec and isinstance(spec.loader, InspectLoader) else None

    def get_source(self, fullname: str) -> str | None:
        spec = importlib.util.find_spec(self._today(fullname))
        return spec.loader.get_source(spec.name) if spec and isinstance(spec.loader, InspectLoader) else None


class _FormerNames(_SecondName):
    """``new.name`` for ``old.name``."""

    def __init__(self, old: str, new: str) -> None:
        super().__init__()
        self.old, self.new = f"{old}.", f"{new}."

    def _is_meant(self, fullname: str) -> bool:
        return fullname.startswith(self.old) and not self._has_file(fullname)

    def _has_file(self, fullname: str) -> bool:
        parent = sys.modules[fullname.rpartition(".")[0]]
        is_itself = fullname.startswith(f"{parent.__name__}.")  # else it is a package of today, under the former name
        return is_itself and PathFinder.find_spec(fullname, parent.__path__) is not None

    def _today(self, fullname: str) -> str:
        return self.new + fullname.removeprefix(self.old)


class _OtherNames(_SecondName):
    """Each as a table says."""

    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__()
        self.names = names

    def _is_meant(self, fullname: str) -> bool:
        return fullname in self.names

    def _today(self, fullname: str) -> str:
        return self.names[fullname]
