"""What a user gives for an array becomes one, or an error that names it and the way out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray


def text_message(name: str) -> str:
    """Return the error message for text in place of numbers.

    Parameters
    ----------
    name : str
        Name of the clips in the message.

    Returns
    -------
    message : str
        With the remedy.
    """
    return f"{name} must be an array of numbers, got text: read the file first, soundfile.read."


def is_array(values: Any) -> bool:
    """Return whether something is one array, and no sequence of clips.

    Parameters
    ----------
    values : object
        As the user gave it.

    Returns
    -------
    is_array : bool
        True for what NumPy reads as a whole: an array, a DataFrame, a tensor, a memory view.
    """
    return hasattr(values, "__array__") or isinstance(values, memoryview)


def to_array(values: Any, name: str) -> NDArray[Any]:
    """Return an array of whatever can be one without a guess: a tensor, a list, a DataFrame.

    Tensors are detached and copied from their device; bfloat16 becomes float32.

    Parameters
    ----------
    values : array-like
        As the user gave it.
    name : str
        Name of the values in messages.

    Returns
    -------
    array : ndarray
        Of any shape and dtype.

    Raises
    ------
    TypeError
        If it is text, a path, a dict, a masked array or something that NumPy can't read.
    ValueError
        If its rows are of unequal lengths, or it is audio with its rate.
    """
    refuse_what_is_no_array(values, name)
    is_list = isinstance(values, (list, tuple))
    if is_list and holds_audio_and_rate(values):
        raise ValueError(
            f"{name} must be a clip of shape (n_timepoints,) or (n_channels, n_timepoints), got "
            f"{describe_audio_and_rate(values)}: pass the audio alone, x, or x.T if it has "
            "channels."
        )
    if is_list:
        _check_channels(values, name)
    try:
        opened = [open_tensor(channel) for channel in values] if is_list else open_tensor(values)
        array = np.asarray(_with_one_integer_type(opened))
    except ValueError as error:
        if not is_list:
            raise _unreadable(values, name, error) from error
        raise ValueError(
            f"{name} must be a clip of shape (n_timepoints,) or (n_channels, n_timepoints), got "
            f"rows of unequal lengths: cut all channels to one length."
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # what a class of somebody else may raise
        raise _unreadable(values, name, error) from error
    if array.dtype.kind in "iu" and _holds_plain_integers(values):
        # a list of plain integers is no PCM, on any platform
        array = array.astype(np.int64 if array.dtype.kind == "i" else object)
    return array


def refuse_what_is_no_array(values: Any, name: str) -> None:
    """Raise for text, paths, dicts and masked arrays.

    Parameters
    ----------
    values : object
        As the user gave it.
    name : str
        Name of the values in messages.

    Raises
    ------
    TypeError
        With the remedy.
    """
    if isinstance(values, (str, bytes, os.PathLike)):
        raise TypeError(text_message(name))
    if isinstance(values, Mapping):
        raise TypeError(
            f"{name} must be an array of numbers, got a dict with the keys "
            f"{', '.join(map(str, values)):.80}: pass the array inside it, x['array'] in the "
            "datasets of Hugging Face."
        )
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{name} must be a plain array, got a masked one: fill it, x.filled(0).")
    if is_sparse_matrix(values):
        raise TypeError(f"{name} must be a plain array, got a sparse one: pass x.toarray().")
    remedy = _find_remedy(values)
    if remedy:
        raise TypeError(
            f"{name} must be an array of numbers, but NumPy can't make one of this "
            f"{type(values).__name__}: {remedy}."
        )


def is_sparse_matrix(values: Any) -> bool:
    """Return whether something is a sparse matrix of SciPy.

    Parameters
    ----------
    values : object
        As the user gave it.

    Returns
    -------
    is_sparse : bool
        True if so.
    """
    return hasattr(values, "toarray") and hasattr(values, "nnz")


def _find_remedy(values: Any) -> str:
    """Return how to make a plain tensor of a special one; "" for anything else."""
    if not hasattr(values, "detach"):
        return ""
    if getattr(values, "is_nested", False):  # first: one has no layout either
        return "it is nested, pass a list of its parts, list(x.unbind())"
    if "sparse" in str(getattr(values, "layout", "")):
        return "it is sparse, pass x.to_dense()"
    if getattr(values, "is_meta", False):
        return "it lies on the device 'meta', without numbers: make it on another device"
    if getattr(values, "is_quantized", False):
        return "it is quantized, pass x.dequantize()"
    return ""


def holds_audio_and_rate(items: Any) -> bool:
    """Return whether a list or tuple is audio beside a number, as readers of files return it.

    Parameters
    ----------
    items : list or tuple
        As the user gave it.

    Returns
    -------
    is_pair : bool
        True for (x, rate) of soundfile, librosa and torchaudio and (rate, x) of SciPy.
    """
    if len(items) != 2:
        return False
    numbers = [isinstance(item, (Number, np.number)) for item in items]
    audio = items[numbers.index(False)] if any(numbers) and not all(numbers) else None
    return hasattr(audio, "__len__") and not isinstance(audio, (str, bytes, Mapping))


def describe_audio_and_rate(items: Any) -> str:
    """Return the words of a message about audio beside a number.

    Parameters
    ----------
    items : list or tuple
        The two.

    Returns
    -------
    words : str
        For after "got".
    """
    number = next(item for item in items if isinstance(item, (Number, np.number)))
    return f"audio and a number, {number}, as soundfile.read returns them"


def _check_channels(values: Any, name: str) -> None:
    """Raise TypeError for masked channels, whose mask NumPy would drop, and for mixed integers."""
    for i, channel in enumerate(values):
        if not isinstance(channel, (Number, np.number)):
            refuse_what_is_no_array(channel, f"{name}[{i}]")
    types = {str(kind): kind for kind in map(_find_type, values) if kind is not None}
    if len(types) > 1 and any(kind.kind in "iu" for kind in types.values()):
        raise TypeError(
            f"{name} must have channels of one type where one holds integers, which are PCM, got "
            f"{' and '.join(sorted(types))}: convert all to floats in [-1, 1)."
        )


def _find_type(channel: Any) -> np.dtype[Any] | None:
    """Return the type of a channel of numbers, None for plain integers and what is no array."""
    if is_array(channel):
        kind = getattr(channel, "dtype", None)
        return kind if isinstance(kind, np.dtype) else np.asarray(open_tensor(channel)).dtype
    if isinstance(channel, (list, tuple)) and any(isinstance(x, np.integer) for x in channel[:1]):
        return np.asarray(channel).dtype
    return None


def _with_one_integer_type(values: Any) -> Any:
    """Return a DataFrame of nullable integers as an array of their type, anything else as it is."""
    is_frame = hasattr(values, "columns") and hasattr(values, "dtypes")
    kinds = set(values.dtypes) if is_frame else set()
    kind = getattr(kinds.pop(), "numpy_dtype", None) if len(kinds) == 1 else None
    return values if kind is None else values.to_numpy(dtype=kind)


def open_tensor(values: Any) -> Any:
    """Return a torch tensor as an array, anything else as it is; torch need not be loaded.

    Parameters
    ----------
    values : object
        Perhaps a tensor.

    Returns
    -------
    array : object
        An ndarray for a tensor.
    """
    if not (hasattr(values, "detach") and hasattr(values, "cpu")):
        return values
    tensor = values.detach().cpu()
    if hasattr(tensor, "resolve_neg"):  # torch changes the signs of some views when they are read
        tensor = tensor.resolve_conj().resolve_neg()
    try:
        return np.asarray(tensor)
    except TypeError:
        if not tensor.is_floating_point():
            raise
        return np.asarray(tensor.float())  # NumPy has no bfloat16: float32 holds all its values


def _holds_plain_integers(values: Any) -> bool:
    while isinstance(values, (list, tuple)) and len(values) > 0:
        values = values[0]
    return isinstance(values, int)


def _unreadable(values: Any, name: str, error: Exception) -> TypeError:
    return TypeError(
        f"{name} must be an array of numbers, but NumPy can't make one of this "
        f"{type(values).__name__} ({error!s:.200}): convert it first, for a tensor with "
        "x.detach().cpu().float().numpy()."
    )
