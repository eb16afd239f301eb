"""Blockwise convolution and the layers on it, against torch's direct convolutions."""

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import conv1d

from sklearn_audiosr.networks import _layers, _long_convolution
from sklearn_audiosr.networks._layers import Conv1d, TransposedConv1d
from sklearn_audiosr.networks._long_convolution import (
    BlockPlan,
    Workspace,
    _candidates,
    _matrices,
    choose_plan,
    convolve_blockwise,
)

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}  # of the peak
KERNELS = [3, 5, 7, 9, 17, 33, 65]
STRIDED_PLANS = [
    (kernel, stride, plan)
    for kernel, stride in product(KERNELS, [1, 2, 3])
    for plan in _candidates(-(-kernel // stride))
]
PLANS = [(kernel, plan) for kernel, stride, plan in STRIDED_PLANS if stride == 1]
PLAN = BlockPlan(9, 8)
SAME = {"stride": 1, "padding": 4}  # for the nine taps of `PLAN`


def noise(*shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def make_layer(time, kernel=9, batch=2, in_channels=2, out_channels=3, seed=0, **kwargs):
    """Give x, weight and bias."""
    shapes = [(batch, in_channels, time), (out_channels, in_channels, kernel), (out_channels,)]
    return [noise(*shape, seed=seed + i, **kwargs) for i, shape in enumerate(shapes)]


def compute(convolve, *tensors, scale=1):
    """Give the result and all gradients for a noise from above."""
    tensors = [t.detach().requires_grad_() for t in tensors]
    y = convolve(*tensors)
    return y.detach(), *torch.autograd.grad(y, tensors, scale * noise(*y.shape, dtype=y.dtype))


def assert_equal(actual, expected, tolerance=None):
    """Equal up to rounding, which is relative to the peak."""
    if isinstance(expected, tuple):
        for a, e in zip(actual, expected, strict=True):
            assert_equal(a, e, tolerance)
        return
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    assert (actual - expected).abs().max() <= (
        (tolerance or TOLERANCE[expected.dtype]) * expected.abs().max()
    )


def assert_equals_torch(tensors, plan, *, stride, padding):
    ours = compute(
        lambda *t: convolve_blockwise(*t, stride=stride, padding=padding, plan=plan), *tensors
    )
    assert_equal(ours, compute(lambda *t: conv1d(*t, stride, padding), *tensors))


def convolve(tensors, plan=PLAN, **kwargs):
    return convolve_blockwise(*tensors, plan=plan, **(SAME | kwargs))


@pytest.fixture
def transforms(monkeypatch):
    """List the plans that filters are transformed for."""
    plans, group_taps = [], _long_convolution._group_taps

    def record(weight, stride, n_taps):
        plans.append(n_taps)
        return group_taps(weight, stride, n_taps)

    monkeypatch.setattr(_long_convolution, "_group_taps", record)
    return plans


@pytest.fixture(params=["direct", "blockwise"])
def way(request, monkeypatch):
    """Make the layers compute in one way, whichever is cheaper."""

    def choose(n_outputs, weight, stride, owner=None):
        plans = _candidates(-(-weight.shape[2] // stride))
        return plans[0] if plans and request.param == "blockwise" else None

    monkeypatch.setattr(_layers, "choose_plan", choose)
    return request.param


# Results and gradients


@pytest.mark.parametrize(("kernel", "plan"), PLANS)
def test_matrices_of_a_plan_correlate(kernel, plan):
    matrices = _matrices(plan, torch.float64, torch.device("cpu"))
    assert len(matrices.input_to) == len(matrices.filters_to) == plan.n_products
    assert plan.block_length % 2 == 0
    block, taps = noise(plan.block_length), noise(kernel)
    products = (matrices.filters_to @ taps) * (matrices.input_to @ block)
    expected = np.correlate(block, taps, mode="valid")
    assert_equal(matrices.backward @ products, torch.from_numpy(expected))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize(("kernel", "stride", "plan"), STRIDED_PLANS)
def test_equals_torch_with_gradients(kernel, stride, plan, same, dtype):
    padding = kernel // 2 if same else 0
    shortest = kernel - 2 * padding  # 1 timepoint, or a filter's length: one output
    for i, time in enumerate([shortest, shortest + 1, shortest + stride, 67, 230]):
        tensors = make_layer(time, kernel, batch=1 + i % 3, dtype=dtype)
        assert_equals_torch(tensors, plan, stride=stride, padding=padding)


@given(data=st.data())
def test_any_plan_and_shape(data):
    kernel, stride = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 5))
    padding, n_taps = data.draw(st.integers(0, kernel - 1)), -(-kernel // stride)
    n_outputs = 2 * data.draw(st.integers(1, 30)) + (n_taps + 1) % 2
    time = data.draw(st.integers(max(1, kernel - 2 * padding), 150))
    tensors = make_layer(time, kernel, *(data.draw(st.integers(1, 4)) for _ in range(3)))
    assert_equals_torch(tensors, BlockPlan(n_taps, n_outputs), stride=stride, padding=padding)


def test_filter_of_one_tap_moves_the_clip():
    x, weight = noise(1, 1, 50), torch.zeros(9, 1, 9, dtype=torch.float64)
    weight[:, 0] = torch.eye(9)
    y = convolve((x, weight, torch.arange(9.0, dtype=torch.float64)), padding=0)
    assert_equal(y[0], torch.stack([x[0, 0, i : i + 42] + i for i in range(9)]))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("plan_index", range(5))
def test_gradcheck(stride, plan_index):
    plans = _candidates(-(-5 // stride))
    plan = plans[plan_index % len(plans)]
    tensors = [t.requires_grad_() for t in make_layer(7, 5)]
    assert torch.autograd.gradcheck(lambda *t: convolve(t, plan, stride=stride, padding=2), tensors)


@pytest.mark.parametrize("wanted", [w for w in product([False, True], repeat=3) if any(w)])
def test_only_gradients_asked_for(wanted):
    tensors = make_layer(30)
    expected = compute(lambda *t: conv1d(*t, padding=4), *tensors)[1:]
    with Workspace():
        y = convolve([t.requires_grad_(w) for t, w in zip(tensors, wanted, strict=True)])
        y.backward(noise(*y.shape))
    for tensor, gradient, want in zip(tensors, expected, wanted, strict=True):
        if want:
            assert_equal(tensor.grad, gradient)
        else:
            assert tensor.grad is None


def test_any_memory_layout():
    x, weight, bias = make_layer(40)
    layouts = {
        "channels last": (x.transpose(1, 2).contiguous().transpose(1, 2), weight, bias),
        "every other": (noise(4, 4, 80)[::2, ::2, ::2], noise(6, 2, 18)[::2, :, ::2], bias),
        "filters": (x, noise(9, 2, 3).permute(2, 1, 0), bias),
        "expanded": (x[:1].expand(3, 2, 40), weight[:1].expand(3, 2, 9), bias[:1].expand(3)),
    }
    for tensors in layouts.values():
        y = convolve(tensors)
        assert_equal(y, conv1d(*(t.contiguous() for t in tensors), padding=4))
        assert y.stride(1) == 1  # channels last
        assert_equals_torch(tensors, PLAN, **SAME)
    weight.requires_grad_()
    convolve((x, weight, bias)).sum().backward()  # an expanded gradient from above
    assert_equal(weight.grad, torch.autograd.grad(conv1d(x, weight, padding=4).sum(), weight)[0])


@pytest.mark.parametrize("level", [1e-6, 1e6])
@pytest.mark.parametrize("scaled", ["input", "filters", "gradient"])
@pytest.mark.parametrize("plan", _candidates(65))
def test_precision_is_relative_to_the_level(plan, scaled, level):
    x, weight, bias = make_layer(300, 65, in_channels=8, out_channels=8, dtype=torch.float32)
    x *= level if scaled == "input" else 1
    weight *= level if scaled == "filters" else 1
    bias *= level if scaled != "gradient" else 1
    scale = level if scaled == "gradient" else 1
    ours = compute(lambda *t: convolve(t, plan, padding=32), x, weight, bias, scale=scale)
    assert_equal(ours, compute(lambda *t: conv1d(*t, padding=32), x, weight, bias, scale=scale))


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize(("kernel", "stride", "plan"), STRIDED_PLANS)
def test_clips_of_a_batch_do_not_mix(kernel, stride, plan, same):
    kwargs = {"plan": plan, "stride": stride, "padding": kernel // 2 if same else 0}
    x, weight, bias = make_layer(70, kernel, batch=3)
    x[[0, 2]] *= 1e6
    x.requires_grad_()
    y = convolve_blockwise(x, weight, bias, **kwargs)
    alone = convolve_blockwise(x[1:2], weight, bias, **kwargs)
    assert_equal(y[1:2], alone, 1e6 * 1e-14)  # rounding of the neighbours, in shared blocks
    y[1].sum().backward()
    assert x.grad[[0, 2]].abs().max() < 1e-12 * x.grad[1].abs().max()


# Workspaces


@pytest.mark.parametrize("n_uses", [0, 3])
@pytest.mark.parametrize(("kernel", "stride", "plan"), STRIDED_PLANS)
def test_what_memory_held_does_not_matter(kernel, stride, plan, n_uses):
    workspace, padding = Workspace(n_uses), kernel // 2
    for batch, time in [(3, 90), (2, 33), (1, 1), (3, 34)]:
        tensors = make_layer(time, kernel, batch)
        expected = conv1d(*tensors, stride, padding)
        with workspace:
            assert_equals_torch(tensors, plan, stride=stride, padding=padding)
            y = convolve_blockwise(*tensors, plan=plan, stride=stride, padding=padding)
        for memory in workspace._scratch.values():
            memory.fill_(torch.nan)
        assert_equal(y, expected)


def test_memory_is_used_again():
    tensors, workspace = make_layer(50), Workspace()
    addresses = []
    for _ in range(3):
        with workspace:
            convolve(tensors)
        addresses.append({key: m.data_ptr() for key, m in workspace._scratch.items()})
    assert {key[0] for key in addresses[0]} == {"stream", "features", "products", "filters"}
    assert addresses[0] == addresses[1] == addresses[2]


def test_backwards_after_other_forwards_in_one_workspace():
    first, second = make_layer(50), make_layer(70, seed=9)
    with Workspace():
        tensors = [[t.detach().requires_grad_() for t in ts] for ts in (first, second)]
        results = [convolve(ts) for ts in tensors]
        gradients = [
            torch.autograd.grad(y, ts, noise(*y.shape))
            for y, ts in zip(results, tensors, strict=True)
        ]
    for y, gradient, ts in zip(results, gradients, tensors, strict=True):
        assert_equal((y.detach(), *gradient), compute(lambda *t: conv1d(*t, padding=4), *ts))


def test_filters_are_kept_for_their_uses(transforms):
    tensors, other = make_layer(50), make_layer(60, seed=5)
    outside = convolve(tensors)
    with Workspace(n_uses=2) as workspace:
        del transforms[:]
        assert torch.equal(convolve(tensors), outside)
        assert_equal(convolve(other), conv1d(*other, padding=4))  # another layer's beside them
        assert torch.equal(convolve(tensors), outside)
        assert len(transforms) == 2
        plan = BlockPlan(9, 12)
        assert_equal(convolve(tensors, plan), outside)
        assert_equal(convolve(tensors, plan), outside)
        assert len(transforms) == 3
        assert workspace.find_filters(tensors[1])[0] == plan  # in the place of the other plan
        assert workspace.find_filters(other[1])[0] == PLAN
        assert workspace.find_filters(noise(3, 2, 9)) == (None, None)


def test_nested_workspaces(transforms):
    tensors = make_layer(50)
    expected = conv1d(*tensors, padding=4)
    with Workspace(n_uses=1) as outer:
        assert_equal(convolve(tensors), expected)
        with Workspace(), outer, pytest.raises(KeyError), Workspace():
            raise KeyError
        with Workspace():
            assert_equal(convolve(tensors), expected)
        assert len(transforms) == 2
        assert_equal(convolve(tensors), expected)
        assert len(transforms) == 2  # back in the outer one, with its filters
    assert_equal(convolve(tensors), expected)
    assert len(transforms) == 3  # back outside


def test_changed_weights_count_without_uses_and_in_a_new_workspace():
    tensors = make_layer(50)
    for workspaces in [[Workspace()] * 3, [Workspace(5) for _ in range(3)]]:
        for workspace in workspaces:
            tensors[1].mul_(-2)
            with workspace:
                assert_equal(convolve(tensors), conv1d(*tensors, padding=4))


@pytest.mark.parametrize("n_uses", [0, 2])
def test_training_after_inference_in_one_workspace(n_uses):
    tensors = make_layer(50)
    _matrices.cache_clear()
    with Workspace(n_uses):
        with torch.inference_mode():
            convolve(tensors)
            convolve([t.clone() for t in tensors])  # themselves inference tensors
        assert_equals_torch(tensors, PLAN, **SAME)


def test_threads_have_workspaces_of_their_own():
    both_inside = threading.Barrier(2, timeout=60)

    def work(seed):
        cases = [make_layer(20 + 7 * i, seed=seed + i) for i in range(30)]
        with Workspace(n_uses=2 * (seed % 2)):
            both_inside.wait()
            return [(convolve(case), conv1d(*case, padding=4)) for case in cases]

    with ThreadPoolExecutor(2) as pool, Workspace() as callers:
        for results in pool.map(work, [100, 201]):
            for actual, expected in results:
                assert_equal(actual, expected)
        assert not callers._scratch


# The choice


@pytest.mark.parametrize(
    ("n_outputs", "shape", "stride"),
    [(10**6, (256, 256, 1), 1), (10**6, (256, 256, 3), 3), (100, (4, 4, 65), 1), (9, (8, 8, 9), 2)],
)
def test_direct_where_nothing_is_saved(n_outputs, shape, stride):
    assert choose_plan(n_outputs, torch.empty(shape), stride) is None


@pytest.mark.parametrize(("stride", "n_taps"), [(1, 65), (2, 33)])
@pytest.mark.parametrize("training", [True, False])
def test_blocks_for_a_long_wide_layer(stride, n_taps, training):
    weight = torch.empty(256, 768, 65, requires_grad=training)
    plan = choose_plan(20_000, weight, stride)
    assert plan in _candidates(n_taps)
    assert 2 * stride * plan.n_products < 65 * plan.n_outputs  # less than half the products
    with torch.no_grad():
        assert choose_plan(20_000, weight, stride) in _candidates(n_taps)


def test_kept_plan_is_preferred():
    x, weight, bias = make_layer(100, 65, in_channels=64, out_channels=64, dtype=torch.float32)
    for kept in _candidates(65):
        with Workspace(n_uses=1):
            before = choose_plan(2 * kept.n_outputs, weight, 1)
            convolve((x, weight, bias), kept, padding=32)
            assert before != kept
            assert choose_plan(2 * kept.n_outputs, weight, 1) == kept


# Layers


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, *KERNELS])
def test_conv1d_equals_torch(kernel, stride, way):
    ours = Conv1d(3, 5, kernel, stride).double()
    theirs = nn.Conv1d(3, 5, kernel, stride, kernel // 2).double()
    check_layers(ours, theirs)


@pytest.mark.parametrize("kernel", [1, *KERNELS])
def test_transposed_conv1d_equals_torch(kernel, way):
    ours = TransposedConv1d(3, 5, kernel).double()
    theirs = nn.ConvTranspose1d(3, 5, kernel, 2, kernel // 2, output_padding=1).double()
    check_layers(ours, theirs)


def check_layers(ours, theirs):
    """Load each other's weights, and compare results and gradients."""
    for source, target in [(ours, theirs), (theirs, ours)]:
        nn.init.normal_(source.weight)
        target.load_state_dict(source.state_dict())
        for batch, time in [(1, 1), (3, 2), (2, 75)]:
            results = []
            for layer in (ours, theirs):
                x = noise(batch, 3, time).requires_grad_()
                y = layer(x)
                tensors = (x, layer.weight, layer.bias)
                results.append((y.detach(), *torch.autograd.grad(y, tensors, noise(*y.shape))))
            assert_equal(*results)


def test_layer_chooses_blocks_by_itself(transforms):
    ours, theirs = Conv1d(64, 64, 65), nn.Conv1d(64, 64, 65, padding=32)
    ours.load_state_dict(theirs.state_dict())
    x = noise(2, 64, 1000, dtype=torch.float32)
    assert_equal(ours(x).detach(), theirs(x).detach())
    assert transforms
    with torch.autocast("cpu", torch.bfloat16):
        del transforms[:]
        assert ours(x).dtype == torch.bfloat16
        assert not transforms


def test_transposed_layers_keep_filters_under_their_own_weights(way, transforms):
    layers = [TransposedConv1d(2, 3, 17) for _ in range(3)]
    x = noise(1, 2, 40, dtype=torch.float32)
    with torch.inference_mode():
        expected = [layer(x) for layer in layers]
        del transforms[:]
        with Workspace(n_uses=2):
            for _ in range(2):
                assert_equal(tuple(layer(x) for layer in layers), tuple(expected))
    assert len(transforms) == (3 if way == "blockwise" else 0)


@pytest.mark.parametrize("layer", [Conv1d(4, 4, 65), TransposedConv1d(4, 4, 65)])
def test_used_layer_is_as_small_as_a_new_one(layer, way):
    size = len(pickle.dumps(layer))
    with Workspace(n_uses=2), torch.inference_mode():
        y = layer(torch.ones(1, 4, 100))
        for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert len(pickle.dumps(copied)) == size
            assert torch.equal(copied(torch.ones(1, 4, 100)), y)
