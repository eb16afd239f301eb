"""Where networks run, and in what precision."""

import pytest
import torch

from sklearn_audiosr._torch import autocast, resolve_device, tuned_kernels


@pytest.mark.parametrize(("has_cuda", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_cuda_and_never_mps(monkeypatch, has_cuda, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device(expected)


def test_mps_on_request(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("mps") == torch.device("mps")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match="device='mps' needs a PyTorch build"):
        resolve_device("mps")


@pytest.mark.parametrize("device", ["gpu", "xpu", None, 1.5])
def test_other_devices_are_named(device):
    with pytest.raises(ValueError, match='device must be "auto", "cpu", "cuda"'):
        resolve_device(device)


@pytest.mark.parametrize(
    ("device", "precision", "expected"),
    [
        ("cpu", "auto", torch.float32),
        ("cpu", "float32", torch.float32),
        ("cpu", "bfloat16", torch.bfloat16),
    ],
)
def test_precision(device, precision, expected):
    a = torch.ones(2, 2)
    with autocast(torch.device(device), precision):
        assert (a @ a).dtype == expected


def test_auto_precision_is_bfloat16_on_cuda():
    assert autocast(torch.device("cuda"), "auto").fast_dtype == torch.bfloat16


def test_float32_holds_inside_the_caller_s_autocast():
    a = torch.ones(2, 2)
    with torch.autocast("cpu", torch.bfloat16), autocast(torch.device("cpu"), "float32"):
        assert (a @ a).dtype == torch.float32


@pytest.mark.parametrize("deterministic", [False, True])
def test_tuned_kernels_touch_no_other_flag_of_cudnn(monkeypatch, deterministic):
    cudnn = torch.backends.cudnn
    monkeypatch.setattr(cudnn, "allow_tf32", False)
    monkeypatch.setattr(cudnn, "deterministic", deterministic)
    before = [cudnn.enabled, cudnn.deterministic, cudnn.allow_tf32]
    with tuned_kernels(torch.device("cuda")):
        assert [cudnn.enabled, cudnn.deterministic, cudnn.allow_tf32] == before
        assert cudnn.benchmark is not deterministic
    assert cudnn.benchmark is False
