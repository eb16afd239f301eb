"""Print the card of a model, which is plain data, as lines, lists and tables."""

import textwrap
from numbers import Real

from sklearn_audiosr._command_line.console import print_line, print_table

_WIDTH = 88

# A table of more scores has a row for each instead.
_MAX_COLUMNS = 5

# What a reader looks for first, in this order; the rest follows as it lies in the card.
_FIRST = (
    "scores", "metrics", "panel", "known failures", "training audio (hours)", "training recordings",
    "licence", "degradation",
)  # fmt: skip

_TITLES = {
    "snr_db": "SNR (dB)",
    "lsd_log10": "LSD",
    "worst_snr_db": "worst SNR (dB)",
    "worst_lsd_log10": "worst LSD",
}


def print_card(model):
    """Print the card of a model that ships.

    Parameters
    ----------
    model : ShippedModel
        The model.
    """
    _print_text(
        f"{model.name}: from {model.narrowband_rate:g} to {model.sampling_rate:g} Hz, ratio "
        f"{model.upsampling_ratio}, {model.n_bytes / 1e6:.1f} MB"
    )
    first = [key for key in _FIRST if key in model.card]
    keys = [*first, *(key for key in model.card if key not in {*_FIRST, "name"})]
    left_out = [key for key in keys if not _print_entry(key, model.card[key])]
    print_line("")
    rest = "".join(f"{key}, " for key in left_out)
    _print_text(f"--json has all of it: {rest}the recordings of the worst scores.")


def _print_entry(key, value):
    """Print a name and what belongs to it; return False if it is nested too deeply for a page."""
    if rows := _find_rows(value):
        print_line(f"\n{key}:\n")
        print_table(*rows)
        print_line("")
    elif isinstance(value, dict):
        return False
    elif isinstance(value, list) and value:
        print_line(f"{key}:")
        for part in value:
            _print_text(f"- {part}", "  ")
    else:
        _print_text(f"{key}: {value}")
    return True


def _print_text(text, indent=""):
    lines = textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
    )
    print_line("\n".join(lines))


def _find_rows(value):
    """Return header and rows of scores by method, or None if a value is no such table."""
    if not isinstance(value, dict) or not all(isinstance(v, dict) and v for v in value.values()):
        return None
    keys = list(dict.fromkeys(key for scores in value.values() for key in scores))
    cells = [[_format(scores.get(key)) for key in keys] for scores in value.values()]
    if not cells or any(cell is None for row in cells for cell in row):
        return None
    titles = [_TITLES.get(key, key) for key in keys]
    if len(keys) <= _MAX_COLUMNS:
        return ["method", *titles], [[n, *row] for n, row in zip(value, cells, strict=True)]
    columns = zip(*cells, strict=True)
    return ["score", *value], [[t, *row] for t, row in zip(titles, columns, strict=True)]


def _format(score):
    """Return a score, alone or behind the recording that has it, as a cell; None for other data."""
    if isinstance(score, list) and len(score) == 2 and isinstance(score[0], str):
        score = score[1]
    if score is None:
        return "-"
    if isinstance(score, bool) or not isinstance(score, Real):
        return None
    return f"{score:.2f}"
