"""Clips with noise of a known level, and noise models as users write them."""

import math

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from sklearn_audiosr import SplineUpsampler


def make_noisy_pairs(n_clips, seed, n_timepoints=4096, ratio=2):
    """Targets are their sources' splines plus noise whose level goes with the sources'."""
    rng = np.random.default_rng(seed)
    loud = rng.random((n_clips, n_timepoints // ratio // 128)) < 0.5
    envelope = gaussian_filter1d(np.repeat(loud, 128, axis=1).astype(float), 16, axis=1)
    X = (0.1 + envelope) * rng.standard_normal(envelope.shape)
    mean = SplineUpsampler().fit(X, np.repeat(X, ratio, axis=1)).predict(X)
    std = np.repeat(0.05 + 0.4 * envelope, ratio, axis=1)
    return X, mean + std * rng.standard_normal(std.shape), std


class StudentNoise:
    """Five degrees of freedom; the second output is the log scale."""

    n_outputs = 2

    def log_prob(self, y, output):
        return self._density(output).log_prob(y)

    def std(self, output):
        return self._density(output).stddev

    def sample(self, output, generator):
        normals = torch.randn((6, *output[:, 0].shape), generator=generator)
        student = normals[0] / normals[1:].square().mean(dim=0).sqrt()
        return output[:, :1] + output[:, 1:].exp() * student[:, None]

    def _density(self, output):
        return torch.distributions.StudentT(5.0, output[:, :1], output[:, 1:].exp())


class MixtureNoise:
    """Two normal densities in equal parts; two outputs are their log standard deviations."""

    n_outputs = 3

    def log_prob(self, y, output):
        parts = torch.distributions.Normal(output[:, :1], output[:, 1:].exp()).log_prob(y)
        return parts.logsumexp(dim=1, keepdim=True) - math.log(2)

    def std(self, output):
        return output[:, 1:].exp().square().mean(dim=1, keepdim=True).sqrt()

    def sample(self, output, generator):
        first = torch.randint(2, output[:, :1].shape, generator=generator).bool()
        std = torch.where(first, output[:, 1:2], output[:, 2:]).exp()
        return output[:, :1] + std * torch.randn(std.shape, generator=generator)
