"""The state of a training, kept in a file so that an interrupted fit can go on."""

import contextlib
import hashlib
import os
import re
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import torch

_FORMAT = 1

# Saving may take this share of the time at most: large states are not saved after every epoch.
_SHARE = 0.1

# Parameters that may be others when a training goes on; the network is part of the architecture.
_FREE = {"network", "checkpoint", "device", "max_epochs", "sampling_rate", "verbose"}


class Checkpoint:
    """A file with the state of one training.

    Parameters
    ----------
    path : path-like
        The file; it need not exist, its folder must.
    fingerprint : dict of str to str
        What must be the same for a training to go on, by name.
    """

    def __init__(self, path, fingerprint):
        self.path, self.fingerprint = Path(path), fingerprint
        self._partial = self.path.with_name(self.path.name + ".part")
        self._next_time = -float("inf")
        if self.path.is_dir() or not self.path.absolute().parent.is_dir():
            raise ValueError(
                f"checkpoint must name a file in a folder that exists, got {str(path)!r}: make the "
                "folder first, and append the name of a file."
            )

    def load(self):
        """Give the state that the file holds, or None without a file.

        Returns
        -------
        state : dict or None
            What was given to `save`.

        Raises
        ------
        ValueError
            If the file is no checkpoint, or one of another training.
        """
        if not self.path.exists():
            return None
        content = self._read()
        kept = content["fingerprint"]
        for name, value in self.fingerprint.items():
            if kept.get(name) != value:
                raise ValueError(
                    f"checkpoint={str(self.path)!r} was written by a fit with {name} "
                    f"{kept.get(name, 'unknown')}, got {value}: name another file, or delete this "
                    "one to train from the beginning."
                )
        return content["state"]

    def _read(self):
        content = None
        with open(self.path, "rb") as file:  # what can't be opened has an error of its own
            try:
                if zipfile.ZipFile(file).testzip() is None:  # torch compares no checksums
                    file.seek(0)
                    content = torch.load(file, map_location="cpu", weights_only=True)
            except Exception:  # a reader of something else fails in a dozen ways
                content = None
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ValueError(
                f"checkpoint={str(self.path)!r} must be a file that an interrupted fit left, or no "
                "file, got something else: name another file, or delete this one if it is damaged."
            )
        return content

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
        self._next_time = end + (end - begin) / _SHARE

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


def describe_parameters(parameters):
    """Give those parameters that a training depends on as text, the same in every process.

    Parameters
    ----------
    parameters : dict
        Of an estimator.

    Returns
    -------
    fingerprint : dict of str to str
        For a `Checkpoint`.
    """
    return {name: _describe(value) for name, value in parameters.items() if name not in _FREE}


def _describe(value):
    if isinstance(value, np.generic):  # the same number, by another name
        value = value.item()
    if callable(value):
        return getattr(value, "__qualname__", type(value).__qualname__)
    return re.sub(" at 0x[0-9a-f]+", "", value if isinstance(value, str) else repr(value))


def describe_clips(pairs):
    """Give a text that two lists of pairs share only if all their timepoints are equal.

    Parameters
    ----------
    pairs : list of (ndarray, ndarray)
        Network inputs and targets.

    Returns
    -------
    description : str
        Their number and a hash.
    """
    return f"{len(pairs)} clips ({_hash(clip for pair in pairs for clip in pair)})"


def describe_weights(network):
    """Give a text that two networks share only if all their weights are equal.

    Parameters
    ----------
    network : torch.nn.Module
        On the CPU.

    Returns
    -------
    description : str
        A hash.
    """
    return f"weights {_hash(values.numpy() for values in network.state_dict().values())}"


def _hash(arrays):
    digest = hashlib.blake2b(digest_size=8)
    for array in arrays:
        digest.update(repr(array.shape).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


class TrainingState:
    """Everything that a training must find again to go on as if it had never stopped.

    Parameters
    ----------
    network : torch.nn.Module
        In training.
    optimizer : torch.optim.Optimizer
        Of its parameters.
    history : History
        Of the epochs so far.
    best : object
        With ``score``, ``epoch`` and ``weights`` of the best epoch.
    rng : numpy.random.Generator
        Draws patches.
    device : torch.device
        Where the network is: dropout draws there.
    """

    def __init__(self, network, optimizer, history, best, rng, device):
        self.network, self.optimizer = network, optimizer
        self.history, self.best = history, best
        self.rng, self.device = rng, device

    def collect(self):
        """Give the state, for `Checkpoint.save`."""
        generators = {"numpy": self.rng.bit_generator.state, "cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            generators["cuda"] = torch.cuda.get_rng_state(self.device)
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": (self.best.score, self.best.epoch, self.best.weights),
            "losses": self.history.losses,
            "validation_scores": self.history.validation_scores,
            "generators": generators,
        }

    def restore(self, state):
        """Take up a state; generators that it does not know stay as they are.

        Parameters
        ----------
        state : dict
            Of `collect`.
        """
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.best.score, self.best.epoch, self.best.weights = state["best"]
        self.history.losses += state["losses"]
        self.history.validation_scores += state["validation_scores"]
        generators = state["generators"]
        self.rng.bit_generator.state = generators["numpy"]
        torch.set_rng_state(generators["cpu"])
        if self.device.type == "cuda" and "cuda" in generators:
            torch.cuda.set_rng_state(generators["cuda"], self.device)
