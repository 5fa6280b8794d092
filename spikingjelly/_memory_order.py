"""Whether the elements of a tensor lie side by side in its memory."""

from collections.abc import Sequence


def elements_without_gaps(shape: Sequence[int], strides: Sequence[int], *, repeated: bool = False) -> int:
    """How many elements lie in memory without gaps, in whatever order of the dimensions; 0 where there are gaps.

    :param repeated: whether memory that is shown several times (stride 0, as ``expand`` gives) counts once, and not as
        a gap
    """
    n = 1
    for stride, size in sorted(zip(strides, shape, strict=True)):
        if size == 1 or (repeated and stride == 0):
            continue
        if stride != n:
            return 0
        n *= size
    return n
