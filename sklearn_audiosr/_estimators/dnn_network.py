"""The dense network on short-time spectra, which predicts the highband of a frame."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

# Added to powers before the logarithm, for clips of root mean square 1 (a frame's power is some
# hundreds): below any sound, above rounding.
_POWER_FLOOR = 1e-6


# Timepoints of a clip in one pass: a multiple of every hop.
_EXCERPT = 2**17


class HighbandDNN(nn.Module):
    """Predict log magnitude and phase of the highband, frame by frame.

    Parameters
    ----------
    ratio : int
        Upsampling ratio, a power of two.
    hidden_layer_sizes : sequence of int
        Units of the hidden layers.
    frame_length : int
        Wideband timepoints of a frame; the hop is half of it.
    n_context_frames : int
        Frames whose lowband predicts the highband of the middle one, an odd number.
    phase : {"predicted", "imaged", "oracle"}
        Source of the highband's phase.

    Attributes
    ----------
    stride, look_back, look_ahead : int
        As for `predict_waveforms`; frames start at multiples of the hop.
    """

    low_mean: torch.Tensor
    low_std: torch.Tensor
    high_mean: torch.Tensor
    high_std: torch.Tensor
    high_max: torch.Tensor
    window: torch.Tensor

    def __init__(self, ratio, hidden_layer_sizes, frame_length, n_context_frames, phase):
        super().__init__()
        self.ratio, self.frame_length, self.phase = ratio, frame_length, phase
        self.n_source_channels = 2 if phase == "oracle" else 1
        self.hop = frame_length // 2
        self.n_side = n_context_frames // 2
        self.n_low = frame_length // (2 * ratio) + 1  # the narrowband Nyquist bin is lowband
        self.n_high = frame_length // 2 + 1 - self.n_low
        self.stride = self.hop
        self.look_back = self.look_ahead = self.n_side * self.hop + frame_length
        n_in, n_out = n_context_frames * self.n_low, self.n_high
        if phase == "predicted":
            n_in, n_out = n_in + 2 * self.n_low, 3 * n_out
        self.layers = _dense_layers(n_in, hidden_layer_sizes, n_out)
        for name, size in [("low", self.n_low), ("high", self.n_high)]:
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_std", torch.ones(size))
        self.register_buffer("high_max", torch.zeros(self.n_high))
        window = torch.hamming_window(frame_length, periodic=True)
        self.register_buffer("window", window, persistent=False)

    def forward(self, x):
        """Fill the highband of x of shape (batch, 1, time).

        With phase="oracle" x is (batch, 2, time): the input and the true wideband signal.
        """
        time = x.shape[-1]
        x = functional.pad(x, (0, -time % self.hop))
        oracle = self._analyze(x[:, 1]) if self.phase == "oracle" else None
        wideband = self._fill_highband(self._analyze(x[:, 0]), oracle)
        return self._synthesize(wideband)[:, None, :time]

    def stream(self):
        """Return an object that computes the same piece by piece, each frame once."""
        return _FrameStream(self)

    def loss(self, sources, targets, mask):
        """Return the mean squared error of standardised log power, and of the phasor if predicted.

        All three tensors have the shape (batch, 1, time). Frames count if the mask is 1 at their
        centre.
        """
        padding = (0, -sources.shape[-1] % self.hop)
        sources, targets, mask = (
            functional.pad(tensor, padding)[:, 0] for tensor in (sources, targets, mask)
        )
        true = self._middle(self._analyze(targets))[..., self.n_low :]
        output = self.layers(self._features(self._analyze(sources)))
        error = (output[..., : self.n_high] - self._standardize(true, "high")).square()
        if self.phase == "predicted":
            phasor = _unit_phasor(true)
            error = torch.cat(
                [error, (output[..., self.n_high :] - _cos_sin(phasor)).square()], dim=-1
            )
        weight = self._frame_weights(mask)  # (batch, frames)
        return (error.mean(dim=-1) * weight).sum() / weight.sum().clamp(min=1)

    def prepare(self, pairs):
        """Fit the statistics of the features.

        Parameters
        ----------
        pairs : list of (ndarray, ndarray)
            Network inputs and targets, each of shape (n_channels, n_timepoints).
        """
        self.fit_statistics(cut_excerpts(pairs, self.hop))

    @torch.no_grad()
    def fit_statistics(self, excerpts):
        """Set the mean, deviation and largest value of each bin's log power.

        Parameters
        ----------
        excerpts : iterable of (Tensor, Tensor)
            Sources and targets of shape (n_waveforms, time), time a multiple of the hop.
        """
        sums = {name: torch.zeros_like(getattr(self, f"{name}_mean")) for name in ("low", "high")}
        squares, count = dict(sums), 0
        self.high_max.fill_(-torch.inf)
        for source, target in excerpts:
            bands = {
                "low": self._middle(self._analyze(source))[..., : self.n_low],
                "high": self._middle(self._analyze(target))[..., self.n_low :],
            }
            for name, band in bands.items():
                log_power = _log_power(band).double()
                sums[name] = sums[name] + log_power.sum(dim=(0, 1))
                squares[name] = squares[name] + log_power.square().sum(dim=(0, 1))
            self.high_max.copy_(
                torch.maximum(self.high_max, _log_power(bands["high"]).amax((0, 1)))
            )
            count += bands["low"].shape[0] * bands["low"].shape[1]
        for name in sums:
            mean = sums[name] / count
            variance = squares[name] / count - mean.square()
            getattr(self, f"{name}_mean").copy_(mean)
            deviation = variance.clamp(min=0).sqrt()
            # do not amplify a bin that never varies (silence)
            deviation = torch.where(deviation < 1e-2, torch.ones_like(deviation), deviation)
            getattr(self, f"{name}_std").copy_(deviation)
        self._check_statistics()

    def _check_statistics(self):
        if not all(torch.isfinite(buffer).all() for buffer in self.buffers()):
            raise ValueError(
                "X and Y must have about the same level, got powers of frames that are not finite "
                "relative to the level of X: scale X and Y alike, to peaks of 1 for example."
            )

    def _analyze(self, x):
        """Return the spectra, (batch, frames, bins), of x of shape (batch, time), padded.

        Frame ``n_side + j`` is centred on timepoint ``j hop``; frames of silence before and after
        are context.
        """
        return self._transform(functional.pad(x, ((self.n_side + 1) * self.hop,) * 2))

    def _transform(self, x):
        """Return the spectra of the whole frames of x."""
        frames = x.unfold(-1, self.frame_length, self.hop)
        # float: autocast would compute the transform in bfloat16
        return torch.fft.rfft(frames.float() * self.window, dim=-1)

    def _synthesize(self, spectrum):
        """Overlap and add frames; Hamming windows half a frame apart sum to 1.08 exactly."""
        frames = torch.fft.irfft(spectrum, n=self.frame_length, dim=-1) / 1.08
        first, second = frames[..., : self.hop], frames[..., self.hop :]
        halves = second[:, :-1] + first[:, 1:]  # (batch, frames - 1, hop)
        return halves.reshape(len(halves), -1)

    def _fill_highband(self, spectrum, oracle=None):
        """Return the spectra of the middle frames, with lowband and highband."""
        log_power, phasor = self._predict(spectrum)
        if self.phase == "imaged":
            phasor = self._image_phase(spectrum)
        elif self.phase == "oracle":
            phasor = _unit_phasor(self._middle(oracle)[..., self.n_low :])
        highband = torch.exp(log_power / 2) * phasor
        return torch.cat([self._middle(spectrum)[..., : self.n_low], highband], dim=-1)

    def _predict(self, spectrum):
        """Return log power and phasor of the highband; None for a phasor that is not predicted."""
        output = self.layers(self._features(spectrum)).float()
        log_power = output[..., : self.n_high] * self.high_std + self.high_mean
        # a bin above its largest value in training would only be noise
        log_power = torch.minimum(log_power, self.high_max)
        phasor = None
        if self.phase == "predicted":
            cos, sin = output[..., self.n_high :].chunk(2, dim=-1)
            phasor = _unit_phasor(torch.complex(cos, sin))
        return log_power, phasor

    def _features(self, spectrum):
        """Return the lowband's log power in neighbouring frames, and phase in the middle one."""
        low = spectrum[..., : self.n_low]
        context = self._standardize(low, "low").unfold(1, 2 * self.n_side + 1, 1)
        features = context.flatten(start_dim=2)  # (batch, frames, bins * context)
        if self.phase == "predicted":
            phasor = _cos_sin(_unit_phasor(self._middle(low)))
            features = torch.cat([features, phasor], dim=-1)
        return features

    def _standardize(self, spectrum, band):
        mean, std = getattr(self, f"{band}_mean"), getattr(self, f"{band}_std")
        return (_log_power(spectrum) - mean) / std

    def _middle(self, spectrum):
        """Return the frames that overlap the signal, without those that are only context."""
        return spectrum[:, self.n_side : spectrum.shape[1] - self.n_side]

    def _image_phase(self, spectrum):
        """Return the phasor of the highband that zeros between narrowband timepoints would make."""
        period = self.frame_length // self.ratio
        bins = torch.arange(self.n_low, self.n_low + self.n_high, device=spectrum.device) % period
        mirrored = bins >= self.n_low
        low = self._middle(spectrum)[..., torch.where(mirrored, period - bins, bins)]
        return _unit_phasor(torch.where(mirrored, low.conj(), low))

    def _frame_weights(self, mask):
        """Return 1 for frames centred inside the clip whose context the patch does not cut off."""
        weights = functional.pad(mask, (0, 1))[:, :: self.hop].clone()
        margin = self.n_side + 1
        if weights.shape[-1] > 2 * margin:
            # a padded patch holds its whole clip: nothing is cut off
            cut = mask.all(dim=-1)
            weights[cut, :margin] = 0
            weights[cut, -margin:] = 0
        return weights


class _FrameStream:
    """A `HighbandDNN` whose input comes piece by piece: it keeps spectra until context follows."""

    def __init__(self, network):
        self.network = network
        self._x: torch.Tensor | None = None
        self._spectra: torch.Tensor | None = None
        self._wideband: torch.Tensor | None = None
        self._n_inputs = self._n_outputs = 0

    def push(self, x, last):
        """Return the outputs that follow from the input so far; see `NetworkStream`."""
        network, hop = self.network, self.network.hop
        margin = (network.n_side + 1) * hop  # padding of the clip, as in `_analyze`
        self._n_inputs += x.shape[-1]
        end = (-self._n_inputs % hop + margin) if last else 0
        x = functional.pad(x[:, 0], (margin if self._x is None else 0, end))
        self._x = _join(self._x, x)
        n_frames = max(0, self._x.shape[1] // hop - 1)
        if n_frames > 0:
            spectra = network._transform(self._x[:, : (n_frames + 1) * hop])
            self._x = self._x[:, n_frames * hop :]
            self._spectra = _join(self._spectra, spectra)
        y, spectra, n_context = self._x.new_zeros((len(x), 0)), self._spectra, 2 * network.n_side
        if spectra is not None and spectra.shape[1] > n_context:
            wideband = _join(self._wideband, network._fill_highband(spectra))
            self._spectra = spectra[:, spectra.shape[1] - n_context :]
            self._wideband = wideband[:, -1:]
            y = network._synthesize(wideband)
        y = y[:, : self._n_inputs - self._n_outputs] if last else y
        self._n_outputs += y.shape[1]
        return y[:, None]


def cut_excerpts(pairs, hop):
    """Yield pairs of tensors (n_waveforms, time) of pairs of clips, cut into whole hops."""
    for source, target in pairs:
        for start in range(0, source.shape[-1], _EXCERPT):
            excerpt = slice(start, start + _EXCERPT)
            padding = ((0, 0), (0, -source[:, excerpt].shape[-1] % hop))
            yield tuple(torch.from_numpy(np.pad(w[:, excerpt], padding)) for w in (source, target))


def _join(earlier, later):
    return later if earlier is None else torch.cat([earlier, later], dim=1)


def _dense_layers(n_in, hidden_layer_sizes, n_out):
    layers = []
    for size in hidden_layer_sizes:
        layers += [nn.Linear(n_in, size), nn.ReLU()]
        n_in = size
    return nn.Sequential(*layers, nn.Linear(n_in, n_out))


def _log_power(spectrum):
    """Return the natural logarithm of the power."""
    return torch.log(spectrum.real.square() + spectrum.imag.square() + _POWER_FLOOR)


def _unit_phasor(spectrum):
    """Return values of magnitude 1 with the same phase; 1 for zeros."""
    magnitude = spectrum.abs()
    silent = magnitude < 1e-12
    return torch.where(silent, torch.ones_like(spectrum), spectrum / magnitude.clamp(min=1e-12))


def _cos_sin(phasor):
    return torch.cat([phasor.real, phasor.imag], dim=-1)
