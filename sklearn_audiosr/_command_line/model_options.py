"""Options that choose and set up a model, and the descriptions of the models that ship."""

import argparse
import math
import os
import sys
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from sklearn_audiosr._estimators.heads import LOWBANDS, MAX_GAIN
from sklearn_audiosr._estimators.spline import SplineUpsampler
from sklearn_audiosr._files.rates import describe_rate, is_header_of
from sklearn_audiosr._models.loading import load
from sklearn_audiosr._models.pretrained import (
    load_pretrained,
    pretrained_names,
    pretrained_path,
)
from sklearn_audiosr._persistence.errors import ModelFileError, ProblemError
from sklearn_audiosr._persistence.model_file import read_model
from sklearn_audiosr.degradation import MAX_SNR

SPLINE = "spline"

# Without --model a file is taken for speech: the names of such models begin with this.
_DEFAULT_KIND = "speech-"

_OTHER_MODELS = (
    ", or spline (with --ratio); default: the model for speech that takes the file's rate"
)


@dataclass(frozen=True)
class ShippedModel:
    """A model that ships, as its file describes it.

    Attributes
    ----------
    name : str
        Name for `load_pretrained`.
    sampling_rate : float
        Wideband rate in Hz.
    upsampling_ratio : int
        Wideband rate over narrowband rate.
    n_bytes : int
        Size of the file.
    card : dict
        Its training data, licence and scores.
    """

    name: str
    sampling_rate: float
    upsampling_ratio: int
    n_bytes: int
    card: dict

    @property
    def narrowband_rate(self):
        """Rate in Hz of the files that it takes without resampling."""
        return self.sampling_rate / self.upsampling_ratio


def list_shipped():
    """Read the descriptions of the models that ship, without loading torch.

    Returns
    -------
    models : list of ShippedModel
        Sorted by name.
    """
    return [_read_shipped(name) for name in pretrained_names()]


def _read_shipped(name):
    path = pretrained_path(name)
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
    """Return the model for speech that takes files of a rate without resampling.

    Parameters
    ----------
    models : list of ShippedModel
        The models to choose from.
    rate : int
        Rate of the file in Hz.

    Returns
    -------
    name : str or None
        None unless exactly one model fits.
    """
    names = [
        model.name
        for model in models
        if model.name.startswith(_DEFAULT_KIND) and is_header_of(rate, model.narrowband_rate)
    ]
    return names[0] if len(names) == 1 else None


def find_nearest(models, rate):
    """Return the model for speech whose files have the nearest rate, and whether it is the same.

    Parameters
    ----------
    models : list of ShippedModel
        The models to choose from.
    rate : int
        Rate of the file in Hz.

    Returns
    -------
    name : str or None
        None if there is no model for speech.
    takes_rate : bool
        Whether it takes the file without resampling.
    """
    models = [model for model in models if model.name.startswith(_DEFAULT_KIND)]
    if not models:
        return None, False
    nearest = min(models, key=lambda model: abs(math.log(rate / model.narrowband_rate)))
    return nearest.name, is_header_of(rate, nearest.narrowband_rate)


def describe_rates(models):
    """Return the names of models and the rate that each takes, as text for a message."""
    rates = [f"{model.name} ({describe_rate(model.narrowband_rate)})" for model in models]
    return ", ".join(rates) or "none ships with this version"


def add_model_arguments(parser, *, required):
    """Add ``--model``, ``--highband-gain``, ``--lowband`` and ``--device``.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Parser of a subcommand.
    required : bool
        Whether the user has to name a model.
    """
    parser.add_argument(
        "--model",
        metavar="MODEL",
        required=required,
        help="name of a model that ships ('models' lists them), or a file that an estimator's "
        f"save() wrote{'' if required else _OTHER_MODELS}",
    )
    parser.add_argument(
        "--highband-gain",
        metavar="GAIN",
        type=parse_gain,
        help="how much of the generated highband to add: 0 is closest to the true waveform, 1 "
        "about closest to its spectrum (default: the model's own, 1 in those that ship)",
    )
    parser.add_argument(
        "--lowband",
        choices=LOWBANDS,
        help="restore what a filter took from the ends of the band, or keep the band as it is "
        "(default: the model's own, restore in those that ship)",
    )
    parser.add_argument(
        "--device",
        metavar="DEVICE",
        help="where the network runs: auto (CUDA if there is one, else the CPU), cpu, cuda, "
        "cuda:1, mps (default: auto)",
    )


def check_model(args):
    """Exit with a usage error if ``--model`` is neither a known name nor a file."""
    if args.model in (None, SPLINE, *pretrained_names()) or os.path.exists(args.model):
        return
    known = [SPLINE, *pretrained_names()]
    close = get_close_matches(args.model, known, 1)
    hint = f"did you mean {close[0]}?" if close else f"the names are {', '.join(known)}."
    args.parser.error(f"argument --model: no such name and no such file: {args.model!r}; {hint}")


def open_estimator(model, *, ratio=None, highband_gain=None, lowband=None, device=None):
    """Return the estimator that ``--model`` names.

    Parameters
    ----------
    model : str
        "spline", one of `pretrained_names`, or a file.
    ratio : int, default=None
        Upsampling ratio of the spline.
    highband_gain : float, default=None
        Replaces the estimator's own.
    lowband : {"restore", "keep"}, default=None
        Replaces the estimator's own.
    device : str, default=None
        Device of the network, if the estimator has one.

    Returns
    -------
    est : estimator
        Fitted estimator.

    Raises
    ------
    ValueError
        If ``save`` did not write the file, if the estimator has no `highband_gain` or can't keep
        the lowband, or if there is no such device.
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
    if lowband is not None:
        _set_lowband(est, lowband, model)
    if device is not None and "device" in parameters:
        from sklearn_audiosr._torch import resolve_device

        resolve_device(device)  # an unknown device is an error now, not once for each file
        est.set_params(device=device)
    return est


def _set_lowband(est, lowband, model):
    can_keep = getattr(getattr(est, "network_", None), "separates_lowband", False)
    if not can_keep and lowband == "keep":
        raise ValueError(
            "--lowband keep needs a model that keeps the lowband apart from what restores it, got "
            f"{model} ({type(est).__name__}): leave it out."
        )
    if can_keep:
        est.set_params(lowband=lowband)


def parse_gain(text):
    """Return a gain of the highband; raise argparse.ArgumentTypeError if it is none."""
    return _parse_number(text, float, 0, f"a number from 0 to {MAX_GAIN}", MAX_GAIN)


def parse_ratio(text):
    """Return an upsampling ratio; raise argparse.ArgumentTypeError if it is none."""
    return _parse_number(text, int, 2, "an integer of 2 or more")


def parse_bandwidth(text):
    """Return "auto" or a frequency in Hz; raise argparse.ArgumentTypeError otherwise."""
    return text if text == "auto" else _parse_number(text, float, 1, "auto, or 1 Hz or more")


def parse_compression(text):
    """Return the compression level of a codec; raise argparse.ArgumentTypeError if it is none."""
    return _parse_number(text, float, 0, "a number from 0 to 1, 0.5 for example", 1)


def parse_noise(text):
    """Return a signal-to-noise ratio in dB; raise argparse.ArgumentTypeError if it is none."""
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
