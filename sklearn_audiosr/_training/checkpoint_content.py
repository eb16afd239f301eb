"""Checks of what a checkpoint holds: it may have right checksums and another content."""

import math
from contextlib import contextmanager

import torch

# What each optimizer keeps of a weight. All but the step have the weight's shape.
_OPTIMIZER_STATES = {"Adam": {"step", "exp_avg", "exp_avg_sq"}, "Muon": {"momentum"}}
_NEVER_NEGATIVE = {"step", "exp_avg_sq"}

# These depend on the device and on the step: a fit that resumes has its own.
_OWN_OPTIONS = {"lr", "params", "fused", "foreach", "capturable"}

_FIELDS = (
    "network", "optimizer", "best", "losses", "epoch_losses", "validation_scores", "generators",
)  # fmt: skip


def check_state(state, training, path, more=()):
    """Check each field of a state before any of them is restored.

    Parameters
    ----------
    state : object
        The state in a file.
    training : TrainingState
        The training that would restore it.
    path : path-like
        The file.
    more : sequence of str, default=()
        Further fields that it must have.

    Raises
    ------
    ValueError
        If a field is missing, unknown, of another type or shape, or out of its range.
    """
    names = (*_FIELDS, *more)
    if not isinstance(state, dict) or set(state) != set(names):
        refuse(path, "state", f"the fields {', '.join(names)}", _describe(state))
    weights = training.network.state_dict()
    _check_weights(path, "network", weights, state["network"])
    _check_losses(path, state["losses"], training.schedule.max_epochs)
    for field, check in {
        "validation_scores": lambda value: _check_scores(value, state["losses"], training),
        "epoch_losses": lambda value: _check_epoch_losses(value, training),
        "optimizer": lambda value: _check_optimizers(value, state, training),
        "best": lambda value: _check_best(value, state["validation_scores"], state, training),
        "generators": lambda value: _check_generators(value, training),
    }.items():
        with field_of(path, field):
            check(state[field])
    _check_weights(path, "best", weights, state["best"][2])
    for field, kept in (("network", state["network"]), ("best", state["best"][2])):
        _check_finite(path, field, weights, kept)


@contextmanager
def field_of(path, name):
    """Turn any error inside into a ValueError that names a field of a file."""
    try:
        yield
    except Exception as error:  # another content fails in as many ways as there are objectives
        needed, got = "what a fit of this kind keeps", f"something else ({error})"
        raise _make_error(path, name, needed, got) from error


def refuse(path, name, needed, got):
    """Raise ValueError: a field of a checkpoint must hold something else."""
    raise _make_error(path, name, needed, got)


def _make_error(path, name, needed, got):
    return ValueError(
        f"checkpoint={str(path)!r} must hold in {name} {needed}, got {got}: name another file, or "
        "delete this one to train from the beginning."
    )


def _check_weights(path, field, needed, kept):
    """Raise ValueError for the first weights that differ in shape or type, or are missing."""
    if not isinstance(kept, dict):
        refuse(path, field, "weights by name", _describe(kept))
    for name in {**needed, **kept}:
        found = [
            _describe(weights[name]) if name in weights else "none" for weights in (needed, kept)
        ]
        if found[0] != found[1]:
            raise ValueError(
                f"checkpoint={str(path)!r} must keep weights of the network that build() makes, "
                f"{found[0]} for {name}, got {found[1]} in {field}: bring the network's code back "
                "as it was, name another file, or delete this one to train from the beginning."
            )


def _check_finite(path, field, needed, kept):
    """Raise ValueError for weights and statistics that are not finite, unless they begin so."""
    for name, weight in kept.items():
        if torch.isfinite(needed[name]).all() and not torch.isfinite(weight).all():
            refuse(path, field, f"finite weights for {name}", "NaN or infinity")


def _check_optimizers(kept, state, training):
    """Check the states of weights: one without a state has never had a gradient."""
    names = {id(weight): name for name, weight in training.network.named_parameters()}

    def check_unmoved(weight):
        name = names[id(weight)]
        moved = not torch.equal(weight.detach().cpu(), state["network"][name])
        _require(not moved, f"a state of {name}, which has been trained")

    n_steps = len(state["losses"]) * _count_steps(training) + len(state["epoch_losses"])
    _check_optimizer(kept, training.optimizer, n_steps, check_unmoved)
    parts = kept.get("optimizers", [kept])
    counts = [w["step"] for part in parts for w in part["state"].values() if "step" in w]
    counted = not counts or float(max(counts)) == n_steps
    _require(counted, f"{n_steps} steps, as many as there are losses")


def _check_optimizer(kept, optimizer, n_steps, check_unmoved):
    """Check the state of an optimizer, or of a pair of them."""
    own = optimizer.state_dict()
    if "optimizers" in own:
        _require(set(kept) == {"optimizers"}, "two optimizers")
        for part, one in zip(kept["optimizers"], optimizer.optimizers, strict=True):
            _check_optimizer(part, one, n_steps, check_unmoved)
        return
    _require(set(kept) == {"state", "param_groups"}, "state and param_groups")
    for group, needed in zip(kept["param_groups"], own["param_groups"], strict=True):
        _require(group["params"] == needed["params"], "the same weights")
        for name in (set(needed) & set(group)) - _OWN_OPTIONS:
            same = type(group[name]) is type(needed[name]) and group[name] == needed[name]
            _require(same, f"{name}={needed[name]}")
    weights = dict(enumerate(w for group in optimizer.param_groups for w in group["params"]))
    names = _OPTIMIZER_STATES[type(optimizer).__name__]
    for index, values in kept["state"].items():
        _require(type(index) is int and index in weights, "states of weights")
        _check_optimizer_state(values, weights[index], names, n_steps)
    for index in set(weights) - set(kept["state"]):
        check_unmoved(weights[index])


def _check_optimizer_state(values, weight, names, n_steps):
    _require(set(values) == names, f"{', '.join(sorted(names))} of each weight")
    for name, value in values.items():
        shape = () if name == "step" else tuple(weight.shape)
        dtype = torch.float32 if name == "step" else weight.dtype
        _require(_is_tensor(value, shape, dtype), f"{name} of shape {shape} and type {dtype}")
        _require(bool(torch.isfinite(value).all()), f"finite numbers in {name}")
        negative = name in _NEVER_NEGATIVE and bool((value < 0).any())
        _require(not negative, f"{name} of at least 0")
        counted = name != "step" or float(value) in range(1, n_steps + 1)
        _require(counted, f"steps that were counted, from 1 to {n_steps}")


def _check_curve(values, is_legal):
    legal = isinstance(values, list) and all(type(v) is float and is_legal(v) for v in values)
    _require(legal, "a list of finite numbers")


def _check_losses(path, losses, most):
    with field_of(path, "losses"):
        _check_curve(losses, math.isfinite)
    if len(losses) > most:
        got = f"{len(losses)} (max_epochs={len(losses)} ends the fit with them)"
        refuse(path, "losses", f"at most max_epochs={most} losses", got)


def _check_scores(values, losses, training):
    _check_curve(values, lambda value: not math.isnan(value))
    n_scores = len(losses) if training.validates else 0
    _require(len(values) == n_scores, f"{n_scores} scores")


def _count_steps(training):
    """Return the number of steps of an epoch."""
    return len(training.schedule.split_epoch(training.loader.sampler.n_patches_per_epoch))


def _check_epoch_losses(values, training):
    n_steps = _count_steps(training)
    legal = isinstance(values, list) and len(values) < n_steps
    _require(legal, f"a list of fewer than {n_steps} losses")
    _require(all(_is_tensor(v, (), torch.float32) for v in values), "losses of one float32 value")


def _check_best(value, scores, state, training):
    """Check the score and the number of the best epoch: both follow from the scores."""
    score, epoch, _ = value
    _require(isinstance(value, tuple) and type(score) is float, "score, epoch and weights")
    _require(not math.isnan(score), "a score that is a number")
    n_epochs = len(state["losses"])
    _require(type(epoch) is int and 0 <= epoch <= n_epochs, f"an epoch from 0 to {n_epochs}")
    # the first weights compete only where a fit goes on from another
    curve = [score if training.is_warm and epoch == 0 else -math.inf, *scores]
    best = curve.index(max(curve)) if training.validates else n_epochs
    _require(epoch == best, f"epoch {best}")
    needed = curve[best] if training.validates else -math.inf
    _require(score == needed, f"the score of epoch {best}, {needed}")


def _check_generators(value, training):
    _require({"numpy", "cpu"} <= set(value) <= {"numpy", "cpu", "cuda"}, "numpy, cpu and cuda")
    own = training.loader.rng.bit_generator
    generator = type(own)()
    generator.state = value["numpy"]
    flag, spare, numbers = (value["numpy"][name] for name in ("has_uint32", "uinteger", "state"))
    legal = all(type(number) is int for number in (flag, spare, *numbers.values()))
    legal = legal and flag in (0, 1) and generator.state == value["numpy"]
    _require(legal, "a state of numpy's generator")
    # the increment belongs to the seed
    _require(generator.state["state"]["inc"] == own.state["state"]["inc"], "numpy's own increment")
    for name in set(value) - {"numpy"}:
        shape = torch.get_rng_state().shape if name == "cpu" else None
        _require(_is_tensor(value[name], shape, torch.uint8), f"bytes of {name}")
    torch.Generator().set_state(value["cpu"])
    if training.device.type == "cuda" and "cuda" in value:
        torch.Generator(training.device).set_state(value["cuda"])


def _is_tensor(value, shape, dtype=None):
    plain = isinstance(value, torch.Tensor) and value.layout == torch.strided
    plain = plain and value.device.type == "cpu" and not value.is_quantized
    return (
        plain
        and (shape is None or tuple(value.shape) == shape)
        and (dtype is None or value.dtype == dtype)
    )


def _require(condition, needed):
    if not condition:
        raise ValueError(f"it needs {needed}")


def _describe(value):
    if isinstance(value, torch.Tensor):
        shape, dtype = tuple(value.shape), str(value.dtype).removeprefix("torch.")
        layout = "" if value.layout == torch.strided else f" and {value.layout}"
        return f"shape {shape}{layout} of {dtype}"
    if isinstance(value, dict):
        return f"a dict of {', '.join(sorted(map(str, value)))[:200] or 'nothing'}"
    return type(value).__name__
