"""The state of a training, kept in a file so that an interrupted fit can go on."""

import contextlib
import os
import time
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch

_FORMAT = 2

# What errors call the start of a training.
_START = "earlier epochs"

# Within an epoch the state is saved this often at most.
_SECONDS_WITHIN_EPOCH = 60.0

# Saving may take this share of the time at most: large states are not saved after every epoch.
_SHARE = 0.1


class Checkpoint:
    """A file with the state of one training.

    Parameters
    ----------
    path : path-like
        The file; it need not exist, its folder must, and it must be possible to write there.
    fingerprint : dict of str to str
        What must be the same for a training to go on, by name.
    start : str, default="0"
        That of a `Start`, which must be the same too.
    """

    def __init__(self, path, fingerprint, start="0"):
        self.path, self.fingerprint = Path(path), {_START: start, **fingerprint}
        if os.path.isdir(self.path) or not os.path.isdir(self.path.absolute().parent):
            raise ValueError(
                "checkpoint must name a file in a folder that exists, got "
                f"{os.fspath(path)!r}: make the folder first, and append the name of a file."
            )
        self._partial = self.path.with_name(self.path.name + ".part")
        self._next_time = -float("inf")
        self._last_time = time.monotonic()
        self._try_to_write()

    def _try_to_write(self):
        """Permissions may not tell, and after an epoch it would be late to find out."""
        try:
            self._partial.write_bytes(b"")
            self._partial.unlink()
        except (OSError, ValueError) as error:
            raise ValueError(
                "checkpoint must name a file in a folder that can be written to, got "
                f"{str(self.path)!r} ({error}): name one in a folder of yours."
            ) from error

    def load(self, network):
        """Return the state that the file holds, or None without a file.

        Parameters
        ----------
        network : torch.nn.Module
            Whose weights it must keep.

        Returns
        -------
        state : dict or None
            What was given to `save`.

        Raises
        ------
        ValueError
            If the file is no checkpoint, or one of another training or network.
        """
        if not self.path.exists():
            return None
        content = _read(self.path)
        kept = content["fingerprint"]
        for name, value in self.fingerprint.items():
            if kept.get(name) != value:
                raise ValueError(
                    f"checkpoint={str(self.path)!r} was written by a fit with {name} "
                    f"{kept.get(name, 'unknown')}, got {value}: name another file, or delete this "
                    "one to train from the beginning."
                )
        _check_weights(network.state_dict(), content["state"]["network"], self.path)
        return content["state"]

    def save(self, state):
        """Keep a state, unless saving would take too large a share of the time.

        Parameters
        ----------
        state : callable
            Gives the state as a dict of tensors and plain values.
        """
        begin = time.monotonic()
        if begin < self._next_time:
            return
        content = {"format": _FORMAT, "fingerprint": self.fingerprint, "state": state()}
        try:
            torch.save(content, self._partial)
            os.replace(self._partial, self.path)  # whoever reads finds a whole file, old or new
        except (OSError, RuntimeError) as error:  # torch's writer raises either on a full disk
            self._give_up(error)
            return
        end = time.monotonic()
        self._last_time, self._next_time = end, end + (end - begin) / _SHARE

    def save_within_epoch(self, state):
        """Keep a state while an epoch is under way, a minute after the last one.

        Parameters
        ----------
        state : callable
            As in `save`.
        """
        if time.monotonic() >= self._last_time + _SECONDS_WITHIN_EPOCH:
            self.save(state)

    def _give_up(self, error):
        """Go on without: a disk that is full must not cost the training."""
        self._next_time = float("inf")
        with contextlib.suppress(OSError):
            self._partial.unlink(missing_ok=True)
        warnings.warn(
            f"checkpoint={str(self.path)!r} could not be written ({error}): training goes on "
            "without. What was kept before stays as it is.",
            UserWarning,
            stacklevel=2,
        )

    def remove(self):
        """Delete the file: the training is complete."""
        for path in (self.path, self._partial):  # the second if a process died while it saved
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Start:
    """Where a training begins.

    Attributes
    ----------
    losses, validation_scores : list of float
        Of the epochs before it, in fits before.
    description : str
        Tells their number and the weights; "0" for new ones.
    """

    losses: list[float]
    validation_scores: list[float]
    description: str


def read_start(path):
    """Give where the training began that a file keeps.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    description : str or None
        That of its `Start`; None without a file.
    """
    return _read(path)["fingerprint"].get(_START) if os.path.isfile(path) else None


def _read(path):
    content = None
    with open(path, "rb") as file:  # what can't be opened has an error of its own
        try:
            if zipfile.ZipFile(file).testzip() is None:  # torch compares no checksums
                file.seek(0)
                content = torch.load(file, map_location="cpu", weights_only=True)
        except Exception:  # a reader of something else fails in a dozen ways
            content = None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError(
            f"checkpoint={os.fspath(path)!r} must be a file that an interrupted fit left, or no "
            "file, got something else: name another file, or delete this one if it is damaged."
        )
    return content


def _check_weights(needed, kept, path):
    """Raise ValueError for the first weights that differ in shape, or are missing in either."""
    for name in {**needed, **kept}:
        shapes = [
            f"shape {tuple(weights[name].shape)}" if name in weights else "none"
            for weights in (needed, kept)
        ]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"checkpoint={str(path)!r} must keep weights of the network that build() makes, "
                f"{shapes[0]} for {name}, got {shapes[1]}: bring the network's code back as it "
                "was, name another file, or delete this one to train from the beginning."
            )
