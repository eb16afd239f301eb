"""The state of a training, kept in a file so that an interrupted fit can go on."""

import contextlib
import os
import tempfile
import time
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch

# Number of the format: other versions refuse the file.
_FORMAT = 3

# Name of the start of a training in fingerprints and errors.
_START = "earlier epochs"

# Within an epoch the state is saved at most this often.
SECONDS_WITHIN_EPOCH = 60.0

# Saving takes at most this share of the time: large states are not saved after every epoch.
MAX_SHARE = 0.1

_ANOTHER_FIT = "another fit writes that file: name one for each fit, or fit one after the other"


class Checkpoint:
    """File with the state of one training.

    Parameters
    ----------
    path : path-like
        The file. It need not exist; its folder must, and must be writable.
    fingerprint : dict of str to str
        Texts by name, which must be equal for training to resume.
    start : str, default="0"
        Description of a `Start`, which must be equal too.
    """

    def __init__(self, path, fingerprint, start="0"):
        self.path, self.fingerprint = Path(path), {_START: start, **fingerprint}
        if os.path.isdir(self.path) or not os.path.isdir(self.path.absolute().parent):
            raise ValueError(
                "checkpoint must name a file in a folder that exists, got "
                f"{os.fspath(path)!r}: make the folder first, and append the name of a file."
            )
        target = self._find_target()
        self._target, self._partial = target, target.with_name(target.name + ".part")
        self._next_time = -float("inf")
        self._last_time = time.monotonic()
        self._try_to_write()

    def _find_target(self):
        """Return the file; for a link, the one that it leads to."""
        with self._writing():
            with contextlib.suppress(FileNotFoundError):
                os.stat(self.path)  # links in a circle are an error, which realpath passes over
            target = Path(os.path.realpath(self.path))
            is_legal = target.is_file() or not target.exists()
        if not is_legal:  # reading from a pipe would wait for ever
            raise ValueError(
                f"checkpoint must name a file, got {str(self.path)!r}, a pipe or a device: name "
                "another."
            )
        return target

    def _try_to_write(self):
        """Raise ValueError if the file can't be written: permissions alone don't show it."""
        with self._writing():
            with contextlib.suppress(FileNotFoundError):
                os.lstat(self._partial)  # its name may be too long
            # of another name: a fit in another process may be writing the part
            tempfile.TemporaryFile(dir=self._target.parent).close()

    @contextlib.contextmanager
    def _writing(self):
        try:
            yield
        except (OSError, ValueError) as error:
            raise ValueError(
                "checkpoint must name a file in a folder that can be written to, got "
                f"{str(self.path)!r} ({error}): name one in a folder of yours."
            ) from error

    def load(self):
        """Return the state in the file, or None if there is no file.

        Returns
        -------
        state : dict or None
            What was passed to `save`.

        Raises
        ------
        ValueError
            If the file is no checkpoint of this version, or one of another training.
        """
        content = _read(self.path) if self.path.exists() else None
        if content is not None:
            self._compare(content["fingerprint"])
        with self._writing():  # what died while it saved, or a pipe, which would wait for a reader
            self._partial.unlink(missing_ok=True)
        return None if content is None else content["state"]

    def _compare(self, kept):
        """Raise ValueError unless another fingerprint is that of this fit."""
        for name in {**self.fingerprint, **kept}:
            other, own = (texts.get(name, "unknown") for texts in (kept, self.fingerprint))
            if other != own:
                raise ValueError(
                    f"checkpoint={str(self.path)!r} was written by a fit with {name} {other}, got "
                    f"{own}: name another file, or delete this one to train from the beginning."
                )

    def save(self, state):
        """Save a state, unless saving would take too large a share of the time.

        Parameters
        ----------
        state : callable
            Returns the state as a dict of tensors and plain values.
        """
        begin = time.monotonic()
        if begin < self._next_time:
            return
        if self._is_of_another_fit():
            self._give_up(_ANOTHER_FIT)
            return
        content = {"format": _FORMAT, "fingerprint": self.fingerprint, "state": state()}
        try:
            self._partial.touch(exist_ok=False)
        except FileExistsError:  # a fit in another process is writing it
            self._give_up(_ANOTHER_FIT)
            return
        except OSError as error:
            self._give_up(error)
            return
        try:
            torch.save(content, self._partial)
            os.replace(self._partial, self._target)  # whoever reads finds a whole file, old or new
        except (OSError, RuntimeError) as error:  # torch's writer raises either on a full disk
            with contextlib.suppress(OSError):
                self._partial.unlink(missing_ok=True)
            self._give_up(error)
            return
        end = time.monotonic()
        self._last_time, self._next_time = end, end + (end - begin) / MAX_SHARE

    def save_within_epoch(self, state):
        """Save a state during an epoch, if the last one was saved a minute ago.

        Parameters
        ----------
        state : callable
            As in `save`.
        """
        if time.monotonic() >= self._last_time + SECONDS_WITHIN_EPOCH:
            self.save(state)

    def _is_of_another_fit(self):
        """Return whether a fit in another process has written the file since this one began."""
        if not self._target.exists():
            return False
        try:  # a map reads no weights
            content = torch.load(self._target, map_location="cpu", weights_only=True, mmap=True)
            return content["fingerprint"] != self.fingerprint
        except FileNotFoundError:  # that fit is complete now
            return False
        except Exception:  # no checkpoint: see _read
            return True

    def _give_up(self, error):
        """Train on without saving: a full disk must not cost the training."""
        self._next_time = float("inf")
        warnings.warn(
            f"checkpoint={str(self.path)!r} could not be written ({error}): training goes on "
            "without. What was kept before stays as it is.",
            UserWarning,
            stacklevel=2,
        )

    def remove(self):
        """Delete the file, unless another fit has written it: the training is complete."""
        if not self._is_of_another_fit():
            self._target.unlink(missing_ok=True)


@dataclass(frozen=True)
class Start:
    """Start of a training.

    Attributes
    ----------
    losses, validation_scores : list of float
        Curves of the earlier fits that it continues.
    description : str
        Number of earlier epochs and hash of the weights; "0" for new weights.
    """

    losses: list[float]
    validation_scores: list[float]
    description: str


def read_start(path):
    """Return the start of the training that a file stores.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    description : str or None
        The description of its `Start`; None if there is no file.

    Raises
    ------
    ValueError
        If the file is no checkpoint of this version.
    """
    return _read(path)["fingerprint"].get(_START) if os.path.isfile(path) else None


def _read(path):
    content = None
    with open(path, "rb") as file:  # a file that can't be opened has its own error
        try:
            if _is_sound(zipfile.ZipFile(file), os.fstat(file.fileno()).st_size):
                file.seek(0)
                content = torch.load(file, map_location="cpu", weights_only=True)
        except Exception:  # reading another kind of file fails in a dozen ways
            content = None
    _check_format(path, content)
    return content


def _is_sound(archive, n_bytes):
    """Return whether an archive has its checksums, which torch does not compare, and its size.

    Compressed entries could be many times as large as the file: torch writes none.
    """
    return sum(entry.file_size for entry in archive.infolist()) <= n_bytes and not archive.testzip()


def _check_format(path, content):
    found = content.get("format") if isinstance(content, dict) else None
    if type(found) is int and found != _FORMAT and "fingerprint" in content:
        raise ValueError(
            f"checkpoint={os.fspath(path)!r} must have format {_FORMAT}, got {found}, of another "
            "version of sklearn-audiosr: finish the fit with the version that began it, name "
            "another file, or delete this one to train from the beginning."
        )
    if type(found) is not int or not _is_content(content):
        raise ValueError(
            f"checkpoint={os.fspath(path)!r} must be a file that an interrupted fit left, or no "
            "file, got something else: name another file, or delete this one if it is damaged."
        )


def _is_content(content):
    """Return whether a dict has the fields of a checkpoint, but for what the state holds."""
    if set(content) != {"format", "fingerprint", "state"}:
        return False
    fingerprint, state = content["fingerprint"], content["state"]
    return (
        isinstance(state, dict)
        and isinstance(fingerprint, dict)
        and all(isinstance(text, str) for pair in fingerprint.items() for text in pair)
    )
