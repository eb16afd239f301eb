"""Types of clips and of their containers, for annotations."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray


class SupportsArray(Protocol):
    """An array, or what NumPy can make one of: a DataFrame, a tensor on the CPU."""

    def __array__(self) -> NDArray[Any]: ...


# (n_timepoints,) or (n_channels, n_timepoints)
Clip: TypeAlias = SupportsArray | Sequence[float] | Sequence[Sequence[float]]


class ClipSequence(Protocol):
    """A list, a tuple, or any other sequence that returns clips by their index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Clip: ...


# What the public functions and methods take as clips. Narrower than numpy's ArrayLike, which
# includes numbers and text.
ClipsLike: TypeAlias = SupportsArray | ClipSequence
