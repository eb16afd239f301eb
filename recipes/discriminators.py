"""An adversarial objective: discriminators of waveforms and of spectra, learning beside a network.

J. Kong, J. Kim and J. Bae, "HiFi-GAN", NeurIPS 2020 (waveforms folded by periods, least squares,
feature matching); W. Jang et al., "UnivNet", Interspeech 2021 (spectra of several resolutions).
These are far narrower: a training step with them takes about 1.7 times as long as one without.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from sklearn_audiosr._training.objectives import levels

_PERIODS = (2, 3, 5, 7, 11)

# At 16 kHz 8 and 16 ms, whose hops of 2 and 4 ms show levels over time and a line at the rate of a
# network's frames; and 64 ms, which shows harmonics. No hop is that of the networks, 5 ms.
_FRAME_LENGTHS = (128, 256, 1024)

# Added to the power before the logarithm, as in the loss "levels".
_POWER_FLOOR = 1e-6

_SLOPE = 0.1


class NormalizedConv2d(nn.Conv2d):
    """A convolution whose weights have a direction and a norm: weight normalization.

    Unlike a module with PyTorch's parametrization it can be pickled.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.gain = nn.Parameter(self.weight.detach().flatten(1).norm(dim=1))

    def forward(self, x):
        """Convolve x of shape (batch, channels, height, width)."""
        direction = functional.normalize(self.weight.flatten(1)).view_as(self.weight)
        weight = self.gain[:, None, None, None] * direction
        return functional.conv2d(x, weight, self.bias, self.stride, self.padding)


class PeriodDiscriminator(nn.Module):
    """A discriminator of waveforms, folded into rows of a period: it convolves along columns."""

    def __init__(self, period, widths=(8, 16, 32, 64)):
        super().__init__()
        self.period = period
        self.layers = nn.ModuleList(
            NormalizedConv2d(n_in, n_out, (5, 1), stride=(3, 1), padding=(2, 0))
            for n_in, n_out in pairwise((1, *widths))
        )
        self.last = nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0))

    def forward(self, x):
        """Map (batch, 1, time) to the features of all layers; the last is the judgement."""
        x = functional.pad(x, (0, -x.shape[-1] % self.period))
        return run_layers(x.unflatten(-1, (-1, self.period)), self.layers, self.last)


class SpectrumDiscriminator(nn.Module):
    """A discriminator of log power spectra, of frames with a hop of a quarter of their length."""

    def __init__(self, frame_length, width=16, strides=(4, 4, 2)):
        super().__init__()
        self.frame_length = frame_length
        self.layers = nn.ModuleList(
            NormalizedConv2d(n_in, width, (5, 3), stride=(stride, 1), padding=(2, 1))
            for n_in, stride in zip((1, width, width), strides, strict=True)
        )
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x):
        """Map (batch, 1, time) to the features of all layers; the last is the judgement."""
        window = torch.hann_window(self.frame_length, device=x.device)
        spectrum = torch.stft(
            x[:, 0], self.frame_length, self.frame_length // 4, window=window,
            pad_mode="constant", return_complex=True,
        )  # fmt: skip
        power = (spectrum.real.square() + spectrum.imag.square()) / window.square().sum()
        log_power = torch.log10(power + _POWER_FLOOR)[:, None]  # (batch, 1, bins, frames)
        # channels last in memory: convolutions take two thirds of the time
        log_power = log_power.to(memory_format=torch.channels_last)
        return run_layers(log_power, self.layers, self.last)


def run_layers(x, layers, last):
    features = []
    for layer in layers:
        x = functional.leaky_relu(layer(x), _SLOPE)
        features.append(x)
    return [*features, last(x)]


class AdversarialObjective:
    """The loss "levels" and the judgement of discriminators that learn beside the network.

    Each call that has gradients also trains the discriminators. They see a crop of each patch, the
    same of prediction and target.

    Parameters
    ----------
    weight : float
        Weight of the adversarial loss, in which feature matching counts twice.
    crop : int
        Wideband timepoints that discriminators see.
    learning_rate : float
        Learning rate of the discriminators.
    random_state : int
        Seed of their weights and of the crops.
    """

    def __init__(self, weight=0.05, crop=8192, learning_rate=5e-4, random_state=0):
        self.weight, self.crop = weight, crop
        self.generator = torch.Generator().manual_seed(random_state)
        with torch.random.fork_rng(devices=[]):
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

    def state_dict(self):
        """Return what changes with each call: the discriminators and their training."""
        return {
            "discriminators": self.discriminators.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state):
        """Go on from a state that `state_dict` returned."""
        self.discriminators.load_state_dict(state["discriminators"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])

    def __call__(self, prediction, target, mask):
        distance = levels(prediction, target, mask)
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
        """Take an optimizer step of the discriminators: least squares, 1 for the truth."""
        loss = sum(
            (1 - d(true)[-1]).square().mean() + d(predicted)[-1].square().mean()
            for d in self.discriminators
        )
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def _judge(self, predicted, true):
        """Compute the adversarial loss of predictions, and the distance of their features."""
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
