"""Blockwise convolution and the layers on it, against torch's direct convolutions."""

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, strategies
from torch import nn
from torch.nn.functional import conv1d

from sklearn_audiosr._torch import Workspace
from sklearn_audiosr.networks._fast import convolution, long_convolution
from sklearn_audiosr.networks._fast.block_plan import BlockPlan, _candidates, choose_plan
from sklearn_audiosr.networks._layers import Conv1d, TransposedConv1d

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}  # of the peak
KERNELS = [1, 3, 5, 7, 9, 17, 33, 65]
ALL = [(k, s, plan) for k in KERNELS for s in (1, 2, 3) for plan in _candidates(-(-k // s))]
all_plans = pytest.mark.parametrize(("kernel", "stride", "plan"), ALL)
PLAN = BlockPlan(n_taps=9, n_outputs=8)  # for the layers that `make_layer` makes by default
PAIRS = [(Conv1d(3, 5, k, s), nn.Conv1d(3, 5, k, s, k // 2)) for k in KERNELS for s in (1, 2)]
PAIRS += [(TransposedConv1d(3, 5, k), nn.ConvTranspose1d(3, 5, k, 2, k // 2, 1)) for k in KERNELS]


def noise(*shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def make_layer(time, kernel=9, batch=2, in_channels=2, out_channels=3, seed=0, dtype=torch.float64):
    """Return x, weight and bias."""
    shapes = [(batch, in_channels, time), (out_channels, in_channels, kernel), (out_channels,)]
    return [noise(*shape, seed=seed + i, dtype=dtype) for i, shape in enumerate(shapes)]


def blockwise(x, weight, bias, plan=PLAN, stride=1, padding=4):
    kwargs = {"stride": stride, "padding": padding, "plan": plan}
    return long_convolution.convolve_blockwise(x, weight, bias, **kwargs)


def compute(convolve, *tensors, level=1):
    """Return the result, and the gradients of all tensors for noise at a level."""
    tensors = [t if t.requires_grad else t.detach().requires_grad_() for t in tensors]
    y = convolve(*tensors)
    return y.detach(), *torch.autograd.grad(y, tensors, level * noise(*y.shape, dtype=y.dtype))


def assert_equal(actual, expected, tolerance=None):
    if isinstance(expected, tuple):
        for a, e in zip(actual, expected, strict=True):
            assert_equal(a, e, tolerance)
        return
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    tolerance = tolerance or TOLERANCE[expected.dtype]
    assert (actual - expected).abs().max() <= tolerance * expected.abs().max()


def assert_equals_torch(tensors, plan=PLAN, stride=1, padding=4, level=1):
    ours = compute(lambda *t: blockwise(*t, plan, stride, padding), *tensors, level=level)
    assert_equal(ours, compute(lambda *t: conv1d(*t, stride, padding), *tensors, level=level))


@pytest.fixture
def transform():
    """Count the transforms of filters."""
    original = long_convolution._group_taps
    with mock.patch.object(long_convolution, "_group_taps", wraps=original) as counted:
        yield counted


@pytest.fixture(params=["direct", "blockwise"])
def way(request, monkeypatch):
    def choose(batch, n_outputs, weight, stride, owner=None):
        plans = _candidates(-(-weight.shape[2] // stride))
        return plans[0] if plans and request.param == "blockwise" else None

    monkeypatch.setattr(convolution, "choose_plan", choose)
    return request.param


@pytest.mark.parametrize(("kernel", "plan"), [(k, plan) for k, s, plan in ALL if s == 1])
def test_matrices_of_a_plan_correlate(kernel, plan):
    matrices = long_convolution._matrices(plan, torch.float64, torch.device("cpu"))
    assert len(matrices.input_to) == len(matrices.filters_to) == plan.n_products
    block, taps = noise(plan.block_length), noise(kernel, seed=1)
    y = matrices.inverse @ ((matrices.filters_to @ taps) * (matrices.input_to @ block))
    assert_equal(y, torch.tensor(np.correlate(block.numpy(), taps.numpy(), "valid")))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("same", [True, False])
@all_plans
def test_equals_torch_inside_and_outside_workspaces(kernel, stride, plan, same, dtype):
    where, workspaces = (plan, stride, kernel // 2 if same else 0), [Workspace(), Workspace(2)]
    shortest = 1 if same else kernel  # one output
    for batch, time in [(3, 101), (1, shortest), (2, shortest + 1), (3, shortest + stride)]:
        tensors = make_layer(time, kernel, batch, in_channels=batch, dtype=dtype)
        assert_equals_torch(tensors, *where)
        for workspace in workspaces:
            with workspace:
                assert_equals_torch(tensors, *where)
                inside = blockwise(*tensors, *where)
            for memory in workspace._scratch.values():
                memory.fill_(torch.nan)  # what it held must not matter
            assert torch.equal(inside, blockwise(*tensors, *where))


@given(data=strategies.data())
def test_any_plan_and_shape(data):
    kernel, stride = data.draw(strategies.integers(1, 40)), data.draw(strategies.integers(1, 5))
    padding, n_taps = data.draw(strategies.integers(0, kernel - 1)), -(-kernel // stride)
    n_outputs = 2 * data.draw(strategies.integers(1, 30)) + (n_taps + 1) % 2  # of an even block
    time = data.draw(strategies.integers(max(1, kernel - 2 * padding), 150))
    tensors = make_layer(time, kernel, *(data.draw(strategies.integers(1, 4)) for _ in range(3)))
    assert_equals_torch(tensors, BlockPlan(n_taps, n_outputs), stride, padding)


@pytest.mark.parametrize(("stride", "plan"), [(s, plan) for k, s, plan in ALL if k == 5])
def test_gradcheck(stride, plan):
    tensors = [t.requires_grad_() for t in make_layer(7, kernel=5)]
    assert torch.autograd.gradcheck(lambda *t: blockwise(*t, plan, stride, padding=2), tensors)


@pytest.mark.parametrize("wanted", list(product([False, True], repeat=3))[1:])
def test_only_the_gradients_asked_for(wanted):
    tensors = make_layer(30)
    expected = compute(lambda *t: conv1d(*t, padding=4), *tensors)[1:]
    with Workspace():
        y = blockwise(*(t.requires_grad_(want) for t, want in zip(tensors, wanted, strict=True)))
        blockwise(*make_layer(20, seed=9))  # the same memory for another layer
        y.backward(noise(*y.shape))
    assert [t.grad is not None for t in tensors] == list(wanted)
    for t, gradient in zip(tensors, expected, strict=True):
        assert_equal(gradient if t.grad is None else t.grad, gradient)


def test_any_memory_layout():
    x, weight, bias = make_layer(40)
    for tensors in [
        (x.transpose(1, 2).contiguous().transpose(1, 2), weight, bias),
        (noise(4, 4, 80)[::2, ::2, ::2], noise(6, 2, 18)[::2, :, ::2], noise(6)[::2]),
        (x, noise(9, 2, 3).permute(2, 1, 0), bias),
        (x[:1].expand(3, 2, 40), weight[:1].expand(3, 2, 9), bias[:1].expand(3)),
    ]:
        assert_equals_torch(tensors)
        assert blockwise(*tensors).stride(1) == 1  # channels last
    blockwise(x, weight.requires_grad_(), bias).sum().backward()  # an expanded gradient from above
    assert_equal(weight.grad, torch.autograd.grad(conv1d(x, weight, padding=4).sum(), weight)[0])


@pytest.mark.parametrize("level", [1e-6, 1e6])
@pytest.mark.parametrize("plan", _candidates(65))
def test_precision_is_relative_to_the_level(plan, level):
    x, weight, bias = make_layer(300, 65, in_channels=8, out_channels=8, dtype=torch.float32)
    for tensors in [(x * level, weight, bias * level), (x, weight * level, bias * level)]:
        assert_equals_torch(tensors, plan, padding=32, level=1 / level)


@pytest.mark.parametrize("same", [True, False])
@all_plans
def test_clips_of_a_batch_do_not_mix(kernel, stride, plan, same):
    x, weight, bias = make_layer(70, kernel, batch=3)
    x[0] *= 1e12  # rounding errors of a neighbour would be heard
    x[2] = torch.nan
    where = (plan, stride, kernel // 2 if same else 0)
    y = blockwise(x.requires_grad_(), weight, bias, *where)
    assert_equal(y[1:2], blockwise(x[1:2], weight, bias, *where))
    y[1].sum().backward()
    assert x.grad[[0, 2]].abs().max() < 1e-12 * x.grad[1].abs().max()


def test_filters_are_kept(transform):
    layer, other = make_layer(50), make_layer(60, seed=5)
    with Workspace(n_uses=2) as workspace:
        for plan, count in [(PLAN, 2), (BlockPlan(9, 12), 3), (PLAN, 4)]:  # takes the last's place
            for _ in range(3):
                assert_equal(blockwise(*layer, plan), conv1d(*layer, padding=4))
                assert_equal(blockwise(*other), conv1d(*other, padding=4))
                assert workspace.find_form(layer[1], "blocks") == plan
            assert transform.call_count == count


def test_nested_workspaces(transform):
    layer = make_layer(50)
    with Workspace(n_uses=1) as outer:
        y = blockwise(*layer)
        with Workspace(), outer, pytest.raises(KeyError), Workspace():
            raise KeyError
        with Workspace():
            assert_equal(blockwise(*layer), y)
        assert_equal(blockwise(*layer), y)
        assert transform.call_count == 2  # back in the outer one, with its filters
    assert_equal(blockwise(*layer), y)
    assert transform.call_count == 3


def test_changed_weights_count_without_uses_and_in_a_new_workspace():
    x, weight, bias = make_layer(50)
    for workspace in [*[Workspace()] * 3, *(Workspace(n_uses=5) for _ in range(3))]:
        weight *= -2
        with workspace:
            assert_equal(blockwise(x, weight, bias), conv1d(x, weight, bias, padding=4))


@pytest.mark.parametrize("n_uses", [0, 2])
def test_training_after_inference_in_one_workspace(n_uses):
    layer = [t.requires_grad_() for t in make_layer(50)]
    long_convolution._matrices.cache_clear()
    with Workspace(n_uses) as workspace:
        with torch.inference_mode():
            y = blockwise(*layer)
            assert "rows" in {name for name, *_ in workspace._scratch}  # no gradient needs it
            assert torch.equal(y, blockwise(*(t.clone() for t in layer)))
        assert_equals_torch(layer)  # with the filters kept, where there are uses


def test_threads_have_workspaces_of_their_own():
    both_inside = threading.Barrier(2, timeout=60)

    def work(seed):
        with Workspace(n_uses=seed):
            both_inside.wait()
            for i in range(40):
                layer = make_layer(20 + 7 * i, seed=100 * seed + i)
                assert_equal(blockwise(*layer), conv1d(*layer, padding=4))

    with ThreadPoolExecutor(2) as pool, Workspace() as callers:
        list(pool.map(work, [0, 1]))  # raises what they raise
    assert not callers._scratch


def test_direct_where_nothing_is_saved():
    assert choose_plan(1, 10**6, torch.empty(256, 256, 1), stride=1) is None
    assert choose_plan(1, 10**6, torch.empty(256, 256, 3), stride=3) is None  # one tap a group
    assert choose_plan(1, 100, torch.empty(4, 4, 65), stride=1) is None
    assert choose_plan(1, 9, torch.empty(8, 8, 9), stride=2) is None


@pytest.mark.parametrize(("stride", "n_taps"), [(1, 65), (2, 33)])
@pytest.mark.parametrize("training", [True, False])
def test_blocks_for_a_long_wide_layer(stride, n_taps, training):
    plan = choose_plan(1, 20_000, torch.empty(256, 768, 65, requires_grad=training), stride)
    assert plan in _candidates(n_taps)
    assert 2 * stride * plan.n_products < 65 * plan.n_outputs  # less than half the products


@pytest.mark.parametrize("kept", _candidates(65))
def test_kept_plan_is_preferred(kept):
    layer = make_layer(350, 65, batch=1, in_channels=64, out_channels=64)
    with Workspace(n_uses=1):
        assert choose_plan(1, 350, layer[1], stride=1) is None
        blockwise(*layer, kept, padding=32)
        assert choose_plan(1, 350, layer[1], stride=1) == kept
    with Workspace(n_uses=1000):
        assert choose_plan(1, 350, layer[1], stride=1) in _candidates(65)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_layer_equals_torch(ours, theirs, way):
    for source, target in [(ours.double(), theirs.double()), (theirs, ours)]:
        nn.init.normal_(source.weight)
        target.load_state_dict(source.state_dict())
        for batch, time in [(1, 1), (3, 2), (2, 75)]:
            x = noise(batch, 3, time)
            results = compute(lambda x, *_: ours(x), x, *ours.parameters())
            assert_equal(results, compute(lambda x, *_: theirs(x), x, *theirs.parameters()))
            with torch.inference_mode(), Workspace(n_uses=1):  # by windows, if not blockwise
                assert_equal(ours(x), theirs(x))


def test_layer_chooses_blocks_by_itself(transform):
    ours, theirs = Conv1d(64, 64, 65), nn.Conv1d(64, 64, 65, padding=32)
    ours.load_state_dict(theirs.state_dict())
    x = noise(2, 64, 1000, dtype=torch.float32)
    assert_equal(ours(x), theirs(x))
    with torch.autocast("cpu", torch.bfloat16):  # directly
        assert ours(x).dtype == torch.bfloat16
    assert transform.call_count == 1


@pytest.mark.parametrize("kind", [Conv1d, TransposedConv1d])
def test_only_the_workspace_keeps_filters(kind, way, transform):
    layers, x = [kind(2, 3, 65) for _ in range(3)], torch.ones(1, 2, 100)
    sizes = [len(pickle.dumps(layer)) for layer in layers]
    with torch.inference_mode():
        expected = [layer(x) for layer in layers]
        transform.reset_mock()
        with Workspace(n_uses=2):
            for layer, y in 2 * list(zip(layers, expected, strict=True)):
                assert_equal(layer(x), y)
            assert transform.call_count == (3 if way == "blockwise" else 0)
            layers = [copy.deepcopy(layers[0]), pickle.loads(pickle.dumps(layers[1])), layers[2]]
            assert_equal(tuple(layer(x) for layer in layers), tuple(expected))
    assert [len(pickle.dumps(layer)) for layer in layers] == sizes
