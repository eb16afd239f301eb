"""`HarmonicNoiseNet`: weights for a network of another ratio, and a shift of levels."""

import pytest
import torch
from harmonic_noise import RATIOS, SMALL, make_network, make_pair, run
from numpy.testing import assert_allclose

from sklearn_audiosr.networks import HarmonicNoiseNet


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_network_of_the_same_ratio_is_copied_but_for_its_filter(ratio):
    given, own = make_network(ratio), HarmonicNoiseNet(**SMALL).build(ratio).eval()
    own.linear.filters += 1
    kept = own.linear.filters.clone()
    own.copy_shared_weights(given)
    torch.testing.assert_close(own.linear.filters, kept, rtol=0, atol=0)
    own.linear.filters.copy_(given.linear.filters)
    source, _ = make_pair(ratio)
    assert_allclose(run(own, source), run(given, source), rtol=0, atol=0)


@pytest.mark.parametrize(("given_ratio", "ratio"), [(4, 6), (4, 2), (6, 8), (8, 2)])
def test_a_network_of_another_ratio_passes_on_what_it_knows_of_the_same_bins(given_ratio, ratio):
    given, own = make_network(given_ratio), HarmonicNoiseNet(**SMALL).build(ratio)
    fresh = own.last.weight.detach().clone()
    own.copy_shared_weights(given)
    for name, weight in given.state_dict().items():
        if name.startswith(("blocks.", "slow", "last_blocks.", "faster.", "first_norm.")):
            torch.testing.assert_close(own.state_dict()[name], weight, rtol=0, atol=0)
    n_low = min(own.bands.n_low, given.bands.n_low)
    n_high = min(own.bands.n_high, given.bands.n_high)
    # features: bins of both lowbands, and the level
    for bins in (slice(n_low), slice(-1, None)):
        torch.testing.assert_close(own.first.weight[:, bins], given.first.weight[:, bins])
    n_pitch = min(own.pitch.in_features, given.pitch.in_features)
    torch.testing.assert_close(own.pitch.weight[:, :n_pitch], given.pitch.weight[:, :n_pitch])
    # bins of both highbands, for each carrier and both parts of the turn; others stay
    for output in range(4):
        (ours, theirs, before) = (
            weight[network.edges.n_edge :].unflatten(0, (4, -1))[output]
            for weight, network in (
                (own.last.weight, own), (given.last.weight, given), (fresh, own),
            )
        )  # fmt: skip
        torch.testing.assert_close(ours[-n_high:], theirs[-n_high:])
        torch.testing.assert_close(ours[:-n_high], before[:-n_high])
    # edges of the lowband depend on where it ends
    n_edge = own.edges.n_edge
    torch.testing.assert_close(own.last.weight[:n_edge], fresh[:n_edge])


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_shift_makes_the_highband_alone_louder(ratio):
    network, (source, _) = make_network(ratio), make_pair(ratio)
    network.last.weight.data *= 0.5  # far from the limit of magnitudes
    before = run(network, source)
    network.shift_highband(-6)
    after = run(network, source)
    assert_allclose(after[0], before[0], rtol=0, atol=0)
    assert_allclose(after[2], 10 ** (-6 / 20) * before[2], rtol=0, atol=1e-5)
