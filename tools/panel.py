"""The panel of figures of a restored highband: what one distance alone does not hear."""

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_audiosr.metrics import (
    harmonicity_score,
    highband_level_errors,
    log_spectral_distance,
    modulation_line_error,
    pesq_score,
    signal_to_noise_ratio,
    stoi_score,
    visqol_score,
)


class Column(NamedTuple):
    """A column of the panel.

    Attributes
    ----------
    title : str
        With the unit.
    digits : int
        That are printed after the point.
    badness : callable
        Maps a figure to a number that is lower for a better one.
    least : float
        A change that another machine's rounding or the choice of clips may make.
    """

    title: str
    digits: int
    badness: Callable[[float], float]
    least: float


def _higher(value):
    return -value


def _lower(value):
    return value


COLUMNS = {
    "snr_db": Column("SNR (dB)", 2, _higher, 0.02),
    "lsd_log10": Column("LSD", 3, _lower, 0.002),
    "temporal_db2": Column("over time (dB²)", 1, _lower, 0.1),
    "shape_db2": Column("shape (dB²)", 1, _lower, 0.1),
    "bias_db": Column("bias (dB)", 1, abs, 0.1),
    "pauses_db": Column("pauses (dB)", 1, lambda value: max(value, 0.0), 0.1),
    # of some clips a line stands out by chance, so a small one is no worse than none
    "line_db": Column("line (dB)", 1, lambda value: max(value, 1.0), 0.3),
    "harmonics": Column("harmonics", 2, lambda value: abs(value - 1), 0.03),
    "pesq": Column("PESQ", 2, _higher, 0.01),
    "stoi": Column("STOI", 3, _higher, 0.001),
    "visqol": Column("ViSQOL", 2, _higher, 0.01),
}
PERCEPTUAL = {"pesq": "pesq", "stoi": "pystoi", "visqol": "visqol"}  # and their packages

# A highband with that bias in dB or less is next to empty: lines and harmonics mean nothing.
_EMPTY = -20
_LEVELS = "temporal_db2", "shape_db2", "bias_db", "pauses_db"
_VISQOL_SECONDS = 4
_N_PARTS = 6  # of a jackknife


def measure_clips(Y, Y_pred, rate, ratio, perceptual=(), visqol_clips=6):
    """Compute the columns that each clip has a value of.

    Parameters
    ----------
    Y, Y_pred : list of ndarray of shape (n_timepoints,)
        Wideband clips and their predictions.
    rate, ratio : int
        Wideband rate in Hz, and upsampling ratio.
    perceptual : iterable of {"pesq", "stoi", "visqol"}
        Perceptual scores to compute.
    visqol_clips : int
        ViSQOL is slow: it hears that many clips, evenly spaced, and their first four seconds.

    Returns
    -------
    values : dict of str to ndarray of shape (n_clips,)
        By the names in `COLUMNS`; nan where a clip has no value.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        values = {
            "snr_db": signal_to_noise_ratio(Y, Y_pred, average=None),
            "lsd_log10": log_spectral_distance(Y, Y_pred, average=None),
        }
        levels = highband_level_errors(
            Y, Y_pred, sampling_rate=rate, upsampling_ratio=ratio, average=None
        )
        values |= dict(zip(_LEVELS, levels, strict=True))
        if "pesq" in perceptual:
            values["pesq"] = pesq_score(Y, Y_pred, sampling_rate=rate, average=None)
        if "stoi" in perceptual:
            values["stoi"] = stoi_score(Y, Y_pred, sampling_rate=rate, average=None)
        if "visqol" in perceptual and visqol_clips:
            values["visqol"] = _measure_visqol(Y, Y_pred, rate, visqol_clips)
    return values


def _measure_visqol(Y, Y_pred, rate, n_clips):
    heard = choose_evenly(range(len(Y)), n_clips)
    stop = _VISQOL_SECONDS * rate
    values = np.full(len(Y), np.nan)
    values[heard] = visqol_score(
        [Y[i][:stop] for i in heard], [Y_pred[i][:stop] for i in heard],
        sampling_rate=rate, mode="audio", average=None,
    )  # fmt: skip
    return values


def measure_together(Y, Y_pred, rate, ratio, with_errors=True):
    """Compute the line and the harmonics, which pool all clips.

    Parameters
    ----------
    Y, Y_pred : list of ndarray of shape (n_timepoints,)
        Wideband clips and their predictions.
    rate, ratio : int
        Wideband rate in Hz, and upsampling ratio.
    with_errors : bool, default=True
        Compute standard errors, which takes six times as long.

    Returns
    -------
    figures : dict of str to dict
        "line_db", "line_hz" and "harmonics", those that are defined. The standard error of a
        figure comes from a jackknife: every sixth clip is left out, six times.
    """
    line, hz, harmonics = _pool(Y, Y_pred, rate, ratio)
    errors = _jackknife(Y, Y_pred, rate, ratio) if with_errors else np.full(3, np.nan)
    figures = {}
    if not np.isnan(line):
        figures["line_db"] = _figure(line, errors[0])
        figures["line_hz"] = {"value": round(hz, 1)}
    if not np.isnan(harmonics):
        figures["harmonics"] = _figure(harmonics, errors[2])
    return figures


def _pool(Y, Y_pred, rate, ratio):
    rates = {"sampling_rate": rate, "upsampling_ratio": ratio}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        line = modulation_line_error(Y, Y_pred, return_frequency=True, **rates)
        try:
            harmonics = harmonicity_score(Y, Y_pred, **rates)
        except ValueError:  # there are not two kilohertz above this band
            harmonics = np.nan
    return *line, harmonics


def _jackknife(Y, Y_pred, rate, ratio):
    """Compute the standard errors of what `_pool` returns."""
    n = min(_N_PARTS, len(Y))
    if n < 2:
        return np.full(3, np.nan)
    kept = [[i for i in range(len(Y)) if i % n != part] for part in range(n)]
    parts = np.array(
        [_pool([Y[i] for i in some], [Y_pred[i] for i in some], rate, ratio) for some in kept]
    )
    return np.sqrt((n - 1) * np.mean((parts - parts.mean(axis=0)) ** 2, axis=0))


def summarise(values, beside=None):
    """Compute the mean over clips of each column, its standard error and its tolerance.

    Parameters
    ----------
    values : dict of str to ndarray of shape (n_clips,)
        As `measure_clips` returns them.
    beside : dict of str to ndarray of shape (n_clips,), default=None
        Those of a simple method on the same clips.

    Returns
    -------
    figures : dict of str to dict
        "value", "error" and, with `beside`, "tolerance": the standard error of the mean, or of the
        mean difference from `beside` where that is smaller. Some clips are harder than others; in
        the difference that cancels, as it does where figures of the same clips are compared.
    """
    figures = {}
    for name, of_clips in values.items():
        if np.isnan(of_clips).all():
            continue
        figures[name] = _figure(np.nanmean(of_clips), _standard_error(of_clips))
        if beside is not None:
            errors = [_standard_error(of_clips)]
            if name in beside:
                errors.append(_standard_error(of_clips - beside[name]))
            figures[name]["tolerance"] = _tolerance(name, np.nanmin([*errors, np.inf]))
    return figures


def _standard_error(values):
    values = values[~np.isnan(values)]
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan


def _figure(value, error):
    figure = {"value": round(float(value), 5)}
    return figure if np.isnan(error) else figure | {"error": round(error, 5)}


def _tolerance(name, error):
    least = COLUMNS[name].least
    return round(max(error, least), 5) if np.isfinite(error) else least


def measure_panel(
    Y, Y_pred, rate, ratio, *, perceptual=(), visqol_clips=6, beside=None, with_errors=True
):
    """Compute all figures of predictions: see `measure_clips`, `measure_together`, `summarise`."""
    figures = summarise(measure_clips(Y, Y_pred, rate, ratio, perceptual, visqol_clips), beside)
    if figures.get("bias_db", {"value": _EMPTY})["value"] <= _EMPTY:
        for name in figures.keys() & set(_LEVELS):
            figures[name].pop("tolerance", None)  # a level that nobody hears is no worse than none
    else:
        together = measure_together(Y, Y_pred, rate, ratio, with_errors)
        if beside is not None:
            for name in together.keys() & COLUMNS.keys():
                error = together[name].get("error", np.nan)
                together[name]["tolerance"] = _tolerance(name, error)
        figures |= together
    return figures


def find_worse(name, recorded, now):
    """Compute by how much a figure is worse than recorded, beyond its tolerance.

    Returns
    -------
    worsening : float or None
        In the unit of the column; None if the figure is no worse, or by no more than the recorded
        tolerance.
    """
    badness = COLUMNS[name].badness
    worsening = badness(now["value"]) - badness(recorded["value"])
    return worsening if worsening > recorded["tolerance"] else None


def installed_scores():
    """Return the names of the perceptual scores whose packages are installed."""
    return [name for name, package in PERCEPTUAL.items() if find_spec(package)]


def choose_evenly(items, n):
    """Return `n` items at the same distance from each other, from the first on."""
    items = list(items)
    return items[:: max(1, len(items) // n)][:n]


def panel_header():
    """Return the titles of the columns."""
    titles = {name: column.title for name, column in COLUMNS.items()}
    return [title for name in titles for title in _with_frequency(name, titles[name], "at (Hz)")]


def format_panel(figures):
    """Lay out the figures of a row for a table, each with its standard error; a dash for none."""
    cells = []
    for name in COLUMNS:
        hz = figures.get("line_hz")
        frequency = "-" if hz is None else f"{hz['value']:.1f}"
        cells += _with_frequency(name, format_figure(figures, name), frequency)
    return cells


def _with_frequency(name, cell, frequency):
    return [cell, frequency] if name == "line_db" else [cell]


def format_figure(figures, name, with_error=True):
    """Lay out one figure, and its standard error; a dash for none."""
    figure, digits = figures.get(name), COLUMNS[name].digits
    if figure is None:
        return "-"
    cell = f"{figure['value']:.{digits}f}"
    return f"{cell} ± {figure['error']:.{digits}f}" if with_error and "error" in figure else cell
