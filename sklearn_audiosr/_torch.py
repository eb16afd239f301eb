"""Where and in what precision networks run."""

import contextlib
import threading

import torch


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
