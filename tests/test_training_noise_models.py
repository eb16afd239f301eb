"""Noise models: densities, moments, draws, calibration, and what may be passed as one."""

import pickle

import numpy as np
import pytest
import torch
from scipy import stats

from sklearn_audiosr._estimators.heads import DensityHead
from sklearn_audiosr._training.noise_models import (
    NOISE_MODELS,
    GaussianNoise,
    HeteroscedasticNoise,
    LaplaceNoise,
    LogDensity,
    make_noise_model,
)

LEAST_STD = 1e-4


class Case:
    """A noise model with a scale, and what scipy says about it.

    The log standard deviation is what the network's second output would be.
    """

    def __init__(self, name, scale, log_std=0.0):
        self.model = NOISE_MODELS[name]()
        self.model.scale = scale
        self.n_outputs, self.log_std = self.model.n_outputs, log_std
        self.oracle = stats.laplace if name == "laplace" else stats.norm
        self.scale = scale * np.exp(log_std) if name == "heteroscedastic" else scale

    def output(self, mean):
        """The network's output for a mean of shape (batch, 1, time)."""
        log_std = torch.full_like(mean, self.log_std)
        return torch.cat([mean, log_std], dim=1)[:, : self.n_outputs]


CASES = {
    "gaussian, as in training": Case("gaussian", 1.0),
    "gaussian": Case("gaussian", 0.03),
    "laplace, as in training": Case("laplace", 1.0),
    "laplace": Case("laplace", 2.5),
    "heteroscedastic, as in training": Case("heteroscedastic", 1.0, -2.0),
    "heteroscedastic": Case("heteroscedastic", 1.7, 0.5),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


def test_log_density_is_scipys(case, rng):
    mean, y = torch.randn(2, 3, 1, 50, generator=rng, dtype=torch.float64)
    expected = case.oracle(mean.numpy(), case.scale).logpdf(y.numpy())
    np.testing.assert_allclose(case.model.log_prob(y, case.output(mean)), expected, rtol=1e-6)


def test_density_integrates_to_one_and_has_the_standard_deviation(case):
    y = 0.7 + case.scale * torch.linspace(-40, 40, 200_001, dtype=torch.float64)[None, None]
    mean = torch.full_like(y, 0.7)
    output = case.output(mean)
    density = case.model.log_prob(y, output).exp()
    assert torch.trapezoid(density, y).item() == pytest.approx(1, abs=1e-6)
    variance = torch.trapezoid((y - mean).square() * density, y).item()
    std = case.model.std(output)
    assert std.shape == mean.shape
    np.testing.assert_allclose(std, np.sqrt(variance), rtol=1e-6)


def test_draws_follow_the_density(case, rng):
    n = 100_000
    output = case.output(torch.full((1, 1, n), -0.4))
    y = case.model.sample(output, rng)
    assert (y.shape, y.dtype) == ((1, 1, n), torch.float32)
    y = y.numpy().ravel()
    std = case.model.std(output)[0, 0, 0].item()
    assert y.mean() == pytest.approx(-0.4, abs=4 * std / np.sqrt(n))
    assert y.std() == pytest.approx(std, rel=0.02)
    # Kolmogorov and Smirnov's distance exceeds this once in 10,000 seeds
    assert stats.kstest(y, case.oracle(-0.4, case.scale).cdf).statistic < 2.2 / np.sqrt(n)


def test_draws_of_two_timepoints_are_independent(case, rng):
    y = case.model.sample(case.output(torch.zeros(2, 1, 50_000)), rng)[:, 0].numpy()
    for a, b in [(y[0, 1:], y[0, :-1]), (y[0], y[1])]:
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(50_000)


def test_draws_come_from_the_generator_alone(case):
    output = case.output(torch.zeros(1, 1, 100))

    def draw(seed):
        return case.model.sample(output, torch.Generator().manual_seed(seed))

    before = torch.get_rng_state()
    first = draw(1)
    assert torch.equal(draw(1), first)
    assert not torch.equal(draw(2), first)
    assert torch.equal(torch.get_rng_state(), before)


def make_errors(name, scale, rng, n_timepoints=20_000):
    """Two clips with errors of a known scale: targets and outputs."""
    targets, outputs = [], []
    for n in (n_timepoints, 3 * n_timepoints):
        mean = torch.randn(1, 1, n, generator=rng)
        log_std = torch.randn(1, 1, n, generator=rng)
        oracle = stats.laplace if name == "laplace" else stats.norm
        errors = oracle.rvs(scale=scale, size=mean.shape, random_state=n)
        errors = torch.from_numpy(errors).float()
        if name == "heteroscedastic":
            errors *= log_std.exp()
        targets.append(mean + errors)
        outputs.append(torch.cat([mean, log_std], dim=1)[:, : NOISE_MODELS[name].n_outputs])
    return targets, outputs


@pytest.mark.parametrize("scale", [0.02, 3.0])
@pytest.mark.parametrize("name", NOISE_MODELS)
def test_calibration_finds_a_planted_scale(name, scale, rng):
    model = NOISE_MODELS[name]()
    targets, outputs = make_errors(name, scale, rng)
    model.calibrate(targets, outputs)
    assert model.scale == pytest.approx(scale, rel=0.02)
    once = model.scale
    model.calibrate(targets, outputs)
    assert model.scale == once  # the last scale does not count


@pytest.mark.parametrize("name", ["gaussian", "laplace"])
def test_calibrated_scale_is_the_likeliest(name, rng):
    model = NOISE_MODELS[name]()
    targets, outputs = make_errors(name, 0.3, rng, n_timepoints=100)
    model.calibrate(targets, outputs)
    best = model.scale

    def likelihood(scale):
        model.scale = scale
        return sum(model.log_prob(*pair).sum() for pair in zip(targets, outputs, strict=True))

    assert likelihood(best) > max(likelihood(0.98 * best), likelihood(1.02 * best))


def test_nine_tenths_of_the_errors_are_inside_after_calibration(rng):
    """Whatever their distribution: here it has heavy tails."""
    targets, outputs = make_errors("heteroscedastic", 1.0, rng)
    targets = [
        output[:, :1] + (y - output[:, :1]) ** 3 for y, output in zip(targets, outputs, strict=True)
    ]
    model = HeteroscedasticNoise()
    model.calibrate(targets, outputs)
    inside = [
        (y - output[:, :1]).abs() <= 1.6449 * model.std(output)
        for y, output in zip(targets, outputs, strict=True)
    ]
    assert torch.cat(inside, dim=2).float().mean().item() == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize("name", NOISE_MODELS)
def test_silence_leaves_a_density(name):
    """Predicted exactly, whatever standard deviation the network says."""
    model = NOISE_MODELS[name]()
    y = torch.zeros(1, 1, 64)
    output = torch.zeros(1, model.n_outputs, 64)
    if model.n_outputs == 2:
        output[:, 1] = torch.tensor([-1000.0, -50, 0, 50]).repeat(16)
        assert model.std(output).min().item() == pytest.approx(10**-1.5)  # 30 dB below
    model.calibrate([y], [output])
    assert model.scale == LEAST_STD
    assert (model.std(output) > 0).all()
    for values in (model.log_prob(y, output), model.sample(output, torch.Generator())):
        assert torch.isfinite(values).all()


@pytest.mark.parametrize("name", NOISE_MODELS)
def test_gradients_are_finite(name):
    model = NOISE_MODELS[name]()
    y = torch.tensor([0.0, 0.0, 1e6, -1e6]).repeat(2)[None, None]
    output = torch.zeros(1, model.n_outputs, 8)
    if model.n_outputs == 2:
        output[:, 1, 4:] = -60
    output.requires_grad_()
    log_prob = model.log_prob(y, output)
    log_prob.sum().backward()
    assert torch.isfinite(log_prob).all()
    assert torch.isfinite(output.grad).all()


def compute_loss(noise_model, output, y, mask):
    """Compute the loss of a network that gives this output, whatever goes in."""
    return DensityHead(noise_model).loss(lambda sources: output, y, y, mask)


def test_loss_is_the_mean_of_the_negative_log_density_inside_the_clips(case, rng):
    mean, y = torch.randn(2, 4, 1, 30, generator=rng)
    mask = torch.ones(4, 1, 30)
    mask[2, :, 10:] = 0
    loss = compute_loss(case.model, case.output(mean), y, mask)
    inside = mask.numpy().astype(bool)
    expected = -case.oracle(mean.numpy(), case.scale).logpdf(y.numpy())[inside].mean()
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_loss_is_computed_in_float32(case):
    mean = torch.full((1, 1, 4), 1.0078125)  # a bfloat16; so is 1, and nothing between
    y = torch.full((1, 1, 4), 1.004)
    loss = compute_loss(case.model, case.output(mean).to(torch.bfloat16), y, torch.ones_like(y))
    assert loss.dtype == torch.float32
    expected = case.oracle(1.0078125, case.scale).logpdf(1.004)
    assert loss.item() == pytest.approx(-expected, rel=1e-4)


@pytest.mark.parametrize(
    ("log_prob", "received"),
    [
        (lambda y, output: -(y - output).square().sum(), r"\(\)"),
        (lambda y, output: -(y - output).square().mean(dim=(1, 2)), r"\(2,\)"),
        (lambda y, output: -(y - output).square()[:, 0], r"\(2, 8\)"),
        (lambda y, output: -1.0, r"\(\)"),
    ],
)
def test_log_density_must_have_one_value_a_timepoint(log_prob, received):
    y = torch.zeros(2, 1, 8)
    with pytest.raises(
        ValueError,
        match=rf"noise_model's log_prob .* shape \(2, 1, 8\), got {received}: neither sum nor",
    ):
        compute_loss(LogDensity(log_prob), y, y, torch.ones_like(y))


class Own:
    """A noise model of one's own, with whatever attributes a test wants."""

    n_outputs = 2

    def __init__(self, **attributes):
        vars(self).update(attributes)

    def log_prob(self, y, output):
        return -(y - output[:, :1]).square()

    def std(self, output):
        return torch.ones_like(output[:, :1])

    def sample(self, output, generator):
        return output[:, :1]


class Callable(Own):
    def __call__(self, y, output):
        raise AssertionError("the methods are what counts")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("gaussian", GaussianNoise),
        ("laplace", LaplaceNoise),
        ("heteroscedastic", HeteroscedasticNoise),
    ],
)
def test_names(name, kind):
    first, second = make_noise_model(name), make_noise_model(name)
    assert type(first) is type(second) is kind
    assert first is not second
    assert first.scale == 1.0


def test_none_is_none():
    assert make_noise_model(None) is None


@pytest.mark.parametrize("kind", [Own, Callable])
def test_object_is_copied(kind):
    own = kind(table=[1, 2])
    copied = make_noise_model(own)
    assert type(copied) is kind
    assert copied.table == own.table
    assert copied.table is not own.table


def test_function_can_train_and_no_more():
    def log_prob(y, output):
        return -(y - output).abs()

    model = make_noise_model(log_prob)
    assert model.n_outputs == 1
    assert model.log_prob is log_prob
    assert not any(hasattr(model, name) for name in ("std", "sample", "calibrate"))


@pytest.mark.parametrize(
    ("noise_model", "received"),
    [
        ("normal", "'normal'"),
        ("", "''"),
        (3, "3"),
        (object(), "<object object"),
        (GaussianNoise, "<class .*GaussianNoise'>"),
        (Own, "<class .*Own'>"),
        (Own(std=None), "<.*Own object .* without std"),
        (Own(std=1.0, sample=None), "<.*Own object .* without std, sample"),
        (Callable(log_prob=None), "<.*Callable object .* without log_prob"),
        (Own(n_outputs=0), "<.*Own object .*, n_outputs=0"),
        (Own(n_outputs=2.0), "<.*Own object .*, n_outputs=2.0"),
        (Own(n_outputs=None), "<.*Own object .*, n_outputs=None"),
    ],
)
def test_what_is_no_noise_model(noise_model, received):
    message = rf"noise_model must be None, 'gaussian', .* n_outputs of at least 1, got {received}"
    with pytest.raises(TypeError, match=message):
        make_noise_model(noise_model)


@pytest.mark.parametrize("name", NOISE_MODELS)
def test_noise_models_pickle(name):
    model = NOISE_MODELS[name]()
    model.scale = 0.25
    output = torch.zeros(1, model.n_outputs, 5)
    torch.testing.assert_close(pickle.loads(pickle.dumps(model)).std(output), model.std(output))


def test_deviations_stay_near_those_of_calibration():
    model = HeteroscedasticNoise()
    output = torch.stack([torch.zeros(1000), torch.linspace(-2, 1, 1000)])[None]
    model.calibrate([torch.randn(1, 1, 1000, generator=torch.Generator().manual_seed(0))], [output])
    far = torch.tensor([[[0.0, 0, 0, 0], [-90, -2, 1, 90]]])
    expected = model.scale * torch.exp(torch.tensor([[[-3.0, -2, 1, 2]]]))
    torch.testing.assert_close(model.std(far), expected)
