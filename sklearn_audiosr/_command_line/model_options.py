"""The estimator that ``--model`` names, and the models that ship."""

import argparse
import math
import os
import sys
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from sklearn_audiosr._estimators.heads import MAX_GAIN
from sklearn_audiosr._estimators.spline import SplineUpsampler
from sklearn_audiosr._files.rates import describe_rate, is_header_of
from sklearn_audiosr._models import pretrained as _pretrained
from sklearn_audiosr._models.loading import load
from sklearn_audiosr._models.pretrained import load_pretrained, pretrained_names
from sklearn_audiosr._persistence.errors import ModelFileError, ProblemError
from sklearn_audiosr._persistence.model_file import read_model
from sklearn_audiosr.degradation._noise import MAX_SNR

SPLINE = "spline"

# What a model that ships is for, in its name; speech is taken for granted at low rates.
_DEFAULT_KIND = "speech-"


@dataclass(frozen=True)
class ShippedModel:
    """What the file of a model that ships says of it.

    Attributes
    ----------
    name : str
        As `load_pretrained` takes it.
    sampling_rate : float
        Wideband rate in Hz.
    upsampling_ratio : int
        Wideband over narrowband rate.
    n_bytes : int
        Size of the file.
    card : dict
        What it was trained on, and how well it does.
    """

    name: str
    sampling_rate: float
    upsampling_ratio: int
    n_bytes: int
    card: dict

    @property
    def narrowband_rate(self):
        """Rate in Hz of the files that it takes as they are."""
        return self.sampling_rate / self.upsampling_ratio


def list_shipped():
    """Read what the files of the models that ship say; torch is not loaded.

    Returns
    -------
    models : list of ShippedModel
        In the order of their names.
    """
    return [_read_shipped(name) for name in pretrained_names()]


def _read_shipped(name):
    path = _pretrained.pretrained_path(name)
    try:
        model, _, _ = read_model(path)
    except ProblemError as error:
        raise ModelFileError(str(path), str(error), "Install sklearn-audiosr again.") from error
    return ShippedModel(
        name,
        model["parameters"]["sampling_rate"],
        model["learned"]["upsampling_ratio_"],
        path.stat().st_size,
        model["card"] or {},
    )


def choose_shipped(models, rate):
    """Choose the model of speech that takes a file's rate as it is.

    Parameters
    ----------
    models : list of ShippedModel
        What there is.
    rate : int
        Of the file, in Hz.

    Returns
    -------
    name : str or None
        None if there is not exactly one.
    """
    names = [
        model.name
        for model in models
        if model.name.startswith(_DEFAULT_KIND) and is_header_of(rate, model.narrowband_rate)
    ]
    return names[0] if len(names) == 1 else None


def describe_rates(models):
    """Tell which rate each model takes, in words for a message."""
    rates = [f"{model.name} ({describe_rate(model.narrowband_rate)})" for model in models]
    return ", ".join(rates) or "none ships with this version"


def add_model_arguments(parser, *, required):
    """Add ``--model``, ``--highband-gain`` and ``--device``.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Of a subcommand.
    required : bool
        Whether there is no default model.
    """
    default = "" if required else "; default: the model of speech that takes the file's rate"
    parser.add_argument(
        "--model",
        metavar="MODEL",
        required=required,
        help="name of a model that ships (the command 'models' lists them), or a file that save() "
        f"of an estimator wrote{'' if required else ', or spline, with --ratio'}{default}",
    )
    parser.add_argument(
        "--highband-gain",
        metavar="GAIN",
        type=parse_gain,
        help="how much of the highband goes in: 0 is closest to the waveform, 1 is about "
        "the best for its spectrum (default: the model's own, which is 1 in those that ship)",
    )
    parser.add_argument(
        "--device",
        metavar="DEVICE",
        help="where a network runs: auto (CUDA where there is one, else the CPU), cpu, cuda, "
        "cuda:1, mps (default: auto)",
    )


def check_model(args):
    """End with wrong usage if ``--model`` is neither a name nor a file."""
    if args.model in (None, SPLINE, *pretrained_names()) or os.path.exists(args.model):
        return
    known = [SPLINE, *pretrained_names()]
    close = get_close_matches(args.model, known, 1)
    hint = f"did you mean {close[0]}?" if close else f"the names are {', '.join(known)}."
    args.parser.error(f"argument --model: no such name and no such file: {args.model!r}; {hint}")


def open_estimator(model, *, ratio=None, highband_gain=None, device=None):
    """Open the estimator that ``--model`` names.

    Parameters
    ----------
    model : str
        "spline", a name of `pretrained_names`, or a file.
    ratio : int, default=None
        Of the spline.
    highband_gain : float, default=None
        In place of the estimator's own.
    device : str, default=None
        Where its network is to run, if it has one.

    Returns
    -------
    est : estimator
        Fitted.

    Raises
    ------
    ValueError
        If the file is none that ``save`` wrote, if the estimator has no `highband_gain`, or there
        is no such device.
    """
    if model == SPLINE:
        est = SplineUpsampler().fit(np.zeros((1, 1)), np.zeros((1, ratio)))
    else:
        est = load_pretrained(model) if model in pretrained_names() else load(model)
    parameters = est.get_params(deep=False)
    if highband_gain is not None:
        if "highband_gain" not in parameters:
            raise ValueError(
                f"--highband-gain needs a model that generates a highband, got {model} "
                f"({type(est).__name__}): leave it out."
            )
        est.set_params(highband_gain=highband_gain)
    if device is not None and "device" in parameters:
        from sklearn_audiosr._torch import resolve_device

        resolve_device(device)  # once, not anew for every file
        est.set_params(device=device)
    return est


def parse_gain(text):
    """Read a gain of the highband."""
    return _parse_number(text, float, 0, f"a number from 0 to {MAX_GAIN}", MAX_GAIN)


def parse_ratio(text):
    """Read an upsampling ratio."""
    return _parse_number(text, int, 2, "an integer of 2 or more")


def parse_bandwidth(text):
    """Read "auto" or a frequency in Hz."""
    return text if text == "auto" else _parse_number(text, float, 1, "auto, or 1 Hz or more")


def parse_compression(text):
    """Read the compression level of a codec."""
    return _parse_number(text, float, 0, "a number from 0 to 1, 0.5 for example", 1)


def parse_noise(text):
    """Read a signal-to-noise ratio in dB."""
    need = f"a number of dB from {-MAX_SNR} to {MAX_SNR}, 30 for example"
    return _parse_number(text, float, -MAX_SNR, need, MAX_SNR)


def _parse_number(text, number_type, least, need, most=sys.float_info.max):
    try:
        value = number_type(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"must be {need}, got {text!r}")
    return value
