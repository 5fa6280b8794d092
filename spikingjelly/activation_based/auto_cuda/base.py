"""The former kernels as objects. Classes of programs may derive from them; what they generated is generated no more."""

from typing import Any

from spikingjelly.activation_based.auto_cuda import _replaced

__all__ = ["CKernel", "CKernel1D", "CKernel2D", "CodeBlock", "CodeTyper", "startswiths", "wrap_with_comment"]


class CKernel:
    """A kernel of one's own in CUDA C, which can't be made any more.

    :raises NotImplementedError: when an object is made
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _replaced.refuse(f"base.{type(self).__name__}")

    def check_attributes(self, **kwargs: Any) -> bool:
        """Whether each keyword is the value of the attribute with its name."""
        return all(getattr(self, name) == value for name, value in kwargs.items())


class CKernel1D(CKernel):
    """A kernel over elements ``[N]``."""


class CKernel2D(CKernel):
    """A kernel over sequences ``[T, N]``."""


class CodeTyper:
    """Formerly lines of CUDA C.

    :raises NotImplementedError: when an object is made
    """

    def __init__(self, indent_num: int) -> None:
        _replaced.refuse("base.CodeTyper")


class CodeBlock(CodeTyper):
    """Formerly a block of a :class:`CodeTyper`."""


startswiths, wrap_with_comment = _replaced.functions("base", ["startswiths", "wrap_with_comment"]).values()
