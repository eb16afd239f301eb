"""Device, precision, random state and memory of networks."""

import contextlib
import math
import os
import threading

import torch

# Devices that apply long filters in the frequency domain. benchmarks/gpu.py adds a GPU, whose
# direct kernels run in bfloat16, to measure both ways.
BLOCKWISE_DEVICES = {"cpu"}


def resolve_device(device):
    """Return the torch device for "auto", a device's name or a `torch.device`.

    "auto" takes CUDA if there is a GPU, else the CPU. Apple's "mps" is used on request only.
    """
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError):
        resolved = None
    if resolved is None or resolved.type not in ("cpu", "cuda", "mps"):
        raise ValueError(
            f'device must be "auto", "cpu", "cuda", "cuda:0" or "mps", got {device!r}: "auto" '
            "takes a GPU if there is one."
        )
    missing = {
        "cuda": not torch.cuda.is_available(),
        "mps": not torch.backends.mps.is_available(),
    }
    if missing.get(resolved.type, False):
        raise ValueError(
            f"device={device!r} needs a PyTorch build and a machine with {resolved.type}, got "
            f'torch {torch.__version__} without: pass device="auto" or device="cpu".'
        )
    return resolved


def autocast(device, precision):
    """Return the context in which a network runs: in bfloat16 if `precision` asks for it.

    "auto" asks for it on CUDA. An autocast of the caller has no effect inside. Cast weights are not
    cached: inside an outer autocast they would outlive the optimizer's step.
    """
    lower = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
    return torch.autocast(device.type, torch.bfloat16, enabled=lower, cache_enabled=False)


def full_precision(device_type):
    """Return a context without autocast."""
    if torch.amp.is_autocast_available(device_type):
        return torch.autocast(device_type, enabled=False)
    return contextlib.nullcontext()  # the device "meta" has no autocast


def widest_dtype(device_type):
    """Return the most precise floating-point type that a device computes with."""
    return torch.float32 if device_type == "mps" else torch.float64


def synchronize(device):
    """Wait until a GPU has finished what was launched, before a clock is read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextlib.contextmanager
def tuned_kernels(device):
    """Let cuDNN choose its kernels by trial inside, which pays if few shapes come often.

    It does not if the user wants deterministic kernels.
    """
    cudnn = torch.backends.cudnn  # cudnn.flags() would set other flags to defaults of its own
    if device.type != "cuda" or cudnn.deterministic or torch.are_deterministic_algorithms_enabled():
        yield
        return
    before = cudnn.benchmark
    cudnn.benchmark = True
    try:
        yield
    finally:
        cudnn.benchmark = before


@contextlib.contextmanager
def inference(network, device, precision, workspace):
    """Enter the contexts of prediction; the network's weights must not change inside."""
    with evaluation(network), torch.inference_mode(), autocast(device, precision), workspace:
        with default_device(device):
            yield


def default_device(device):
    """Return a context where new tensors lie on a device, if a caller has set another default."""
    if torch.get_default_device().type == "cpu":  # most often: a context slows all calls down
        return contextlib.nullcontext()
    return torch.device(device)


@contextlib.contextmanager
def single_precision():
    """Make float32 the default type inside, whatever a caller has set."""
    before = torch.get_default_dtype()
    if before == torch.float32:
        yield
        return
    with _GENERATORS:  # the default type belongs to the process, too
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(before)


@contextlib.contextmanager
def evaluation(network):
    """Turn dropout and batch normalisation off inside, and back afterwards."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


# torch's generators belong to the process: fits in threads take turns, or each would advance the
# generator of the others.
_GENERATORS = threading.RLock()


def _release_generators():
    """Make a lock for a process that was forked: a fit in another thread held the old one."""
    global _GENERATORS
    _GENERATORS = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_generators)


@contextlib.contextmanager
def private_generators(device, seed):
    """Seed the generators that a fit draws from, and restore their states afterwards."""
    devices = [device] if device.type == "cuda" else []
    with _GENERATORS, single_precision(), torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed every GPU too
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        mps_state = torch.mps.get_rng_state() if device.type == "mps" else None
        try:
            if mps_state is not None:
                torch.mps.manual_seed(seed)
            yield
        finally:
            if mps_state is not None:
                torch.mps.set_rng_state(mps_state)


class Workspace:
    """Memory that convolutions keep between calls, in the thread that has entered it.

    Intermediate results use the same memory again: to get new memory from the system costs more
    than to fill it. While weights don't change, their transforms are computed once.

    Parameters
    ----------
    n_uses : int or float, default=0
        How often each layer will be called while no weight changes; 0 if weights change.
    """

    def __init__(self, n_uses=0):
        self.n_uses = n_uses
        self._scratch, self._prepared = {}, {}
        self._outer = []

    def __enter__(self):
        self._outer.append(_LOCAL.workspace)
        _LOCAL.workspace = self
        return self

    def __exit__(self, *error):
        _LOCAL.workspace = self._outer.pop()

    def scratch(self, name, shape, like):
        """Return memory for an intermediate result, which the next call overwrites."""
        key, size = (name, like.dtype, like.device), math.prod(shape)
        memory = self._scratch.get(key)
        if memory is None or len(memory) < size:
            self._scratch.pop(key, None)  # free the smaller one first
            with torch.inference_mode(False):  # it serves training too
                memory = torch.empty(size, dtype=like.dtype, device=like.device)
            self._scratch[key] = memory
        return memory[:size].view(shape)

    def prepare(self, weight, kind, form, make):
        """Return ``make()``, a form of a layer's weight; keep the last form of each kind."""
        if not self.n_uses:
            return make()
        if self.find_form(weight, kind) != form:
            self._prepared.pop((id(weight), kind), None)  # free the other form first
            # keep the weight, so that no other gets its id
            self._prepared[id(weight), kind] = (form, _version(weight), make(), weight)
        return self._prepared[id(weight), kind][2]

    def find_form(self, weight, kind):
        """Return the form that is kept; None if there is none or the weight has changed."""
        form, version = self._prepared.get((id(weight), kind), (None, None))[:2]
        return form if version == _version(weight) else None


def _version(tensor):
    return None if tensor.is_inference() else tensor._version


class _NoWorkspace(Workspace):
    """Keep nothing: outside of any workspace."""

    def scratch(self, name, shape, like):
        return like.new_empty(shape)


class _Local(threading.local):
    workspace: Workspace = _NoWorkspace()


_LOCAL = _Local()


def current_workspace():
    """Return the innermost workspace of this thread; outside of any, one that keeps nothing."""
    return _LOCAL.workspace
