"""What the benchmarks of networks share: estimators without a fit, and a plain training loop."""

import numpy as np
import torch
from torch import nn

from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr._estimators.fitting import adopt_network

RATIO, PATCH_LENGTH = 4, 8192
# Second version of the published program: 71 M weights.
FULL = {"n_filters": [128, 384, 512, 512]}


def make_lively(network):
    """Draw weights of a network as training would leave them, so that every layer matters."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv1d):
            nn.init.normal_(layer.bias, std=0.1)
    nn.init.normal_(network.last[0].weight, std=0.1)
    return network


def make_estimator(config, **parameters):
    """Return an estimator with a network of random weights, as if it were fitted."""
    est = AudioSuperResolver(config, **{"device": "cpu", **parameters})
    torch.manual_seed(0)
    adopt_network(est, make_lively(config.build()), RATIO, scale=1.0)
    return est


class PlainLoop:
    """A textbook training step: eager float32, patches cut one by one, a wait for each loss.

    Sources and targets are lists of arrays of shape (1, n_timepoints). Those no longer than a
    patch are left out.
    """

    def __init__(self, network, sources, targets, batch_size):
        self.network, self.batch_size = network, batch_size
        self.device = next(network.parameters()).device
        pairs = zip(sources, targets, strict=True)
        self.pairs = [pair for pair in pairs if pair[1].shape[1] > PATCH_LENGTH]
        self.rng = np.random.default_rng(0)
        self.optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)

    def __call__(self):
        sources, targets = self.cut_patches()
        self.optimizer.zero_grad()
        error = ((self.network(sources) - targets) ** 2).mean(dim=(1, 2))
        loss = torch.sqrt(error + 1e-6).mean()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def cut_patches(self):
        """Draw a batch: sources and targets of shape (batch_size, 1, PATCH_LENGTH)."""
        batch = []
        for i in self.rng.integers(len(self.pairs), size=self.batch_size):
            start = self.rng.integers(self.pairs[i][1].shape[1] - PATCH_LENGTH)
            batch.append([clip[:, start : start + PATCH_LENGTH] for clip in self.pairs[i]])
        return [
            torch.from_numpy(np.stack(part)).to(self.device) for part in zip(*batch, strict=True)
        ]
