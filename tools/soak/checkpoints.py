"""Checkpoints with right checksums and random content: a fit refuses them, or resumes and ends.

A case changes one to three parts of a checkpoint of each network: tensors, numbers, names, bytes of
the file, its length.
"""

import copy
import io
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch

from tools.soak.estimators import KINDS, PeakMemory, make_clips, make_estimator

_VALUES = (
    0, 1, -1, 3, 2**40, 2**63, 2**200, 0.5, float("nan"), float("inf"), 1e300, True, None, "", "x",
    "PCG64", b"x", [], [1.0], [1] * 5000, {}, {"a": 1}, (), (1.0, 1, {}), {0: {}},
    torch.zeros(()), torch.zeros(3), torch.ones(2, 3, dtype=torch.int64),
    torch.tensor(float("nan")),
    torch.zeros(1).expand(2**33), torch.zeros(3, dtype=torch.complex64), torch.zeros(3).to_sparse(),
    torch.zeros(5056, dtype=torch.uint8), torch.zeros(3, dtype=torch.bfloat16),
)  # fmt: skip


class _StopError(Exception):
    """Ends a fit after its first epoch, and leaves its checkpoint."""


def run(n_cases, seed):
    """Resume fits from changed checkpoints.

    Parameters
    ----------
    n_cases : int
        Number of cases.
    seed : int
        Seeds them.

    Returns
    -------
    figures : dict of str to int
        "cases"; "refused" by a ValueError that names the file; "resumed", which ended and predict
        finite numbers; and "peak_mb", the largest growth of memory in one fit.

    Raises
    ------
    Exception
        Whatever else a fit raised.
    """
    rng, clips = np.random.default_rng(seed), make_clips()
    figures, memory = {"cases": 0, "refused": 0, "resumed": 0}, PeakMemory()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, "fit.checkpoint")
        contents = {kind: _leave_checkpoint(kind, path, clips) for kind in KINDS}
        for _ in range(n_cases):
            kind = KINDS[rng.integers(len(KINDS))]
            path.write_bytes(_change(contents[kind], rng))
            memory.start()
            figures["cases"] += 1
            figures["resumed" if _try(kind, path, clips) else "refused"] += 1
            memory.stop()
            path.unlink(missing_ok=True)
    return {**figures, "peak_mb": memory.n_bytes // 2**20}


def _leave_checkpoint(kind, path, clips):
    def stop(estimator, measured):
        raise _StopError

    try:
        make_estimator(kind, max_epochs=2, checkpoint=path, callbacks=[stop]).fit(*clips)
    except _StopError:
        content = path.read_bytes()
    path.unlink()
    return content


def _try(kind, path, clips):
    """Return whether a fit resumes from the file."""
    est = make_estimator(kind, max_epochs=2, checkpoint=path)
    try:
        est.fit(*clips)
    except ValueError as error:
        if not str(error).startswith(f"checkpoint={str(path)!r}"):
            raise
        return False
    if not np.isfinite(est.predict(clips[0])).all():
        raise AssertionError(f"{path}: predictions are not finite")
    return True


def _change(content, rng):
    """Return a checkpoint with one to three changes, mostly with right checksums."""
    if rng.random() < 0.2:
        content = bytearray(content)
        for _ in range(rng.integers(1, 4)):
            content[rng.integers(len(content))] = rng.integers(256)
        return bytes(content[: rng.integers(len(content))] if rng.random() < 0.3 else content)
    state = torch.load(io.BytesIO(content), weights_only=True)
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.2:
            state = _change_part(state, rng)
        elif isinstance(state, dict) and "state" in state:
            state["state"] = _change_part(state["state"], rng)
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def _change_part(part, rng):
    """Return a copy of a part in which a random part of it has changed."""
    if isinstance(part, torch.Tensor):
        return _change_tensor(part, rng)
    is_leaf = not isinstance(part, (dict, list, tuple)) or not part
    if is_leaf or rng.random() < 0.1:
        return copy.copy(_VALUES[rng.integers(len(_VALUES))])
    copied = dict(part) if isinstance(part, dict) else list(part)
    keys = list(copied) if isinstance(part, dict) else range(len(copied))
    key = keys[rng.integers(len(keys))]
    if rng.random() < 0.1:
        del copied[key]
    else:
        copied[key] = _change_part(copied[key], rng)
    return tuple(copied) if isinstance(part, tuple) else copied


def _change_tensor(tensor, rng):
    if tensor.numel() > 10**7:  # the one of a single number, shown as many
        return torch.zeros(())
    changes = [
        lambda t: t.long(),
        lambda t: t.double(),
        lambda t: t.half(),
        lambda t: t[None],
        lambda t: t.reshape(-1)[:1],
        lambda t: t.float() * float("nan"),
        lambda t: t.float() * 1e30,
        lambda t: -t if t.dtype != torch.uint8 else t + 1,
        lambda t: _VALUES[rng.integers(len(_VALUES))],
    ]
    return changes[rng.integers(len(changes))](tensor)
