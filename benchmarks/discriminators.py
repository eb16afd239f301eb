"""An adversarial objective: discriminators of waveforms and of spectra, learning beside a network.

J. Kong, J. Kim and J. Bae, "HiFi-GAN", NeurIPS 2020 (waveforms folded by periods, least squares,
feature matching); W. Jang et al., "UnivNet", Interspeech 2021 (spectra of several resolutions).
Narrower than theirs by far: a second of audio costs about what the network itself does.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from sklearn_audiosr._training.objectives import spectral

_PERIODS = (2, 3, 5, 7, 11)
_FRAME_LENGTHS = (512, 1024, 2048)
_SLOPE = 0.1


class PeriodDiscriminator(nn.Module):
    """Folds a waveform into rows of a period, and looks along its columns."""

    def __init__(self, period, widths=(8, 16, 32, 64)):
        super().__init__()
        self.period = period
        self.layers = nn.ModuleList(
            nn.utils.parametrizations.weight_norm(
                nn.Conv2d(n_in, n_out, (5, 1), stride=(3, 1), padding=(2, 0))
            )
            for n_in, n_out in pairwise((1, *widths))
        )
        self.last = nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0))

    def forward(self, x):
        """Map (batch, 1, time) to the features of all layers, the judgement last."""
        x = functional.pad(x, (0, -x.shape[-1] % self.period))
        return run_layers(x.unflatten(-1, (-1, self.period)), self.layers, self.last)


class SpectrumDiscriminator(nn.Module):
    """Looks at log magnitudes in frames of a length, with a quarter of it between them."""

    def __init__(self, frame_length, width=12):
        super().__init__()
        self.frame_length = frame_length
        self.layers = nn.ModuleList(
            nn.utils.parametrizations.weight_norm(
                nn.Conv2d(n_in, width, (7, 3), stride=(stride, 1), padding=(3, 1))
            )
            for n_in, stride in [(1, 2), (width, 2), (width, 2), (width, 1)]
        )
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x):
        """Map (batch, 1, time) to the features of all layers, the judgement last."""
        window = torch.hann_window(self.frame_length, device=x.device)
        spectrum = torch.stft(
            x[:, 0], self.frame_length, self.frame_length // 4, window=window,
            pad_mode="constant", return_complex=True,
        )  # fmt: skip
        power = spectrum.real.square() + spectrum.imag.square()
        return run_layers(torch.log10(power + 1e-6)[:, None], self.layers, self.last)


def run_layers(x, layers, last):
    features = []
    for layer in layers:
        x = functional.leaky_relu(layer(x), _SLOPE)
        features.append(x)
    return [*features, last(x)]


class AdversarialObjective:
    """The objective of a network, and what discriminators make of its predictions.

    Every call is a step of the discriminators, too. They see a crop of each patch: the same of
    prediction and target.

    Parameters
    ----------
    weight : float
        Of what the discriminators say, feature matching counted twice, beside "spectral".
    crop : int
        Wideband timepoints.
    learning_rate : float
        Of the discriminators.
    random_state : int
        Of their weights and of the crops.
    """

    def __init__(self, weight=0.05, crop=8192, learning_rate=5e-4, random_state=0):
        self.weight, self.crop = weight, crop
        self.generator = torch.Generator().manual_seed(random_state)
        with torch.random.fork_rng():
            torch.manual_seed(random_state)
            self.discriminators = nn.ModuleList(
                [
                    *map(PeriodDiscriminator, _PERIODS),
                    *map(SpectrumDiscriminator, _FRAME_LENGTHS),
                ]
            )
        self.optimizer = torch.optim.AdamW(
            self.discriminators.parameters(), learning_rate, betas=(0.8, 0.99)
        )

    def __call__(self, prediction, target, mask):
        distance = spectral(prediction, target, mask)
        if not prediction.requires_grad:
            return distance
        predicted, true = self._cut(prediction * mask, target * mask)
        self._teach(predicted.detach(), true)
        return distance + self.weight * self._judge(predicted, true)

    def _cut(self, *waveforms):
        room = max(0, waveforms[0].shape[-1] - self.crop)
        begin = int(torch.randint(room + 1, (), generator=self.generator))
        return [waveform[..., begin : begin + self.crop] for waveform in waveforms]

    def _teach(self, predicted, true):
        """Take a step of the discriminators: least squares, 1 for what is true."""
        loss = sum(
            (1 - d(true)[-1]).square().mean() + d(predicted)[-1].square().mean()
            for d in self.discriminators
        )
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def _judge(self, predicted, true):
        """How far the predictions are from passing for true, and their features from the true."""
        self.discriminators.requires_grad_(False)
        total = 0
        for discriminator in self.discriminators:
            with torch.no_grad():
                real = discriminator(true)
            fake = discriminator(predicted)
            total = total + (1 - fake[-1]).square().mean()
            for a, b in zip(real[:-1], fake[:-1], strict=True):
                total = total + 2 * (a - b).abs().mean() / (a.abs().mean() + 1e-3)
        self.discriminators.requires_grad_(True)
        return total / len(self.discriminators)
