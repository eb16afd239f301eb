"""Where, in what precision and in what memory networks run."""

import contextlib
import math
import threading

import torch

# Devices on which long filters are multiplied in the frequency domain. benchmarks/gpu.py adds a GPU
# to measure both ways there: its direct kernels run in bfloat16.
BLOCKWISE_DEVICES = {"cpu"}


def resolve_device(device):
    """Return the torch device for "auto", a device's name or a `torch.device`.

    "auto" takes CUDA where there is one, else the CPU; Apple's "mps" is used on request only.
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
            "takes what there is."
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
    """Context in which a network runs: bfloat16 where `precision` says so, "auto" on CUDA.

    It holds whatever autocast the caller is in. Cast weights are not kept: inside an outer
    autocast they would outlive the optimizer's step.
    """
    lower = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
    return torch.autocast(device.type, torch.bfloat16, enabled=lower, cache_enabled=False)


def full_precision(device_type):
    """Switch autocast off inside, where a device has it."""
    if torch.amp.is_autocast_available(device_type):
        return torch.autocast(device_type, enabled=False)
    return contextlib.nullcontext()  # "meta", where shapes are computed alone


def widest_dtype(device_type):
    """Give the type of the most precise numbers that a device computes with."""
    return torch.float32 if device_type == "mps" else torch.float64


def synchronize(device):
    """Wait for a GPU to finish what was launched: before a clock is read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextlib.contextmanager
def tuned_kernels(device):
    """Context in which cuDNN tries its kernels on each new shape: where few shapes come often.

    Not where the user asks for deterministic kernels.
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
    """Everything that a network predicts in: its weights don't change inside."""
    with evaluation(network), torch.inference_mode(), autocast(device, precision), workspace:
        yield


@contextlib.contextmanager
def evaluation(network):
    """Dropout and batch normalisation off inside, as before afterwards."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


# torch's generators belong to the process: fits in threads take turns, or they would draw from one
# another's.
_GENERATORS = threading.RLock()


@contextlib.contextmanager
def private_generators(device, seed):
    """Seed the generators that a fit draws from, and put them back as they were afterwards."""
    devices = [device] if device.type == "cuda" else []
    with _GENERATORS, torch.random.fork_rng(devices=devices):
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
    """What convolutions keep, in the thread that is inside it.

    Intermediate results use the same memory again: to take fresh memory from the system costs
    more than to fill it. Where weights don't change, what is made of them is made once.

    Parameters
    ----------
    n_uses : int or float, default=0
        How often each layer will be called while no weight changes; 0 where weights change.
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
        """Give memory for an intermediate result that its caller does not give away."""
        key, size = (name, like.dtype, like.device), math.prod(shape)
        memory = self._scratch.get(key)
        if memory is None or len(memory) < size:
            self._scratch.pop(key, None)  # free the smaller one first
            with torch.inference_mode(False):  # it serves training too
                memory = torch.empty(size, dtype=like.dtype, device=like.device)
            self._scratch[key] = memory
        return memory[:size].view(shape)

    def prepare(self, weight, kind, form, make):
        """Give ``make()``, made of a layer's weight; one form of each kind is kept."""
        if not self.n_uses:
            return make()
        if self.find_form(weight, kind) != form:
            self._prepared.pop((id(weight), kind), None)  # free the other form first
            # with the weight, so that no other gets its id
            self._prepared[id(weight), kind] = (form, _version(weight), make(), weight)
        return self._prepared[id(weight), kind][2]

    def find_form(self, weight, kind):
        """Give the form that is kept, or None; also None if the weight was changed in place."""
        form, version = self._prepared.get((id(weight), kind), (None, None))[:2]
        return form if version == _version(weight) else None


def _version(tensor):
    return None if tensor.is_inference() else tensor._version


class _NoWorkspace(Workspace):
    """Outside of any workspace nothing is kept."""

    def scratch(self, name, shape, like):
        return like.new_empty(shape)


class _Local(threading.local):
    workspace: Workspace = _NoWorkspace()


_LOCAL = _Local()


def current_workspace():
    """Give the innermost workspace of this thread; outside of any, one that keeps nothing."""
    return _LOCAL.workspace
