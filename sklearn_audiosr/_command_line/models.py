"""``models``: list the models that ship."""

import argparse

from sklearn_audiosr._command_line.cards import print_card
from sklearn_audiosr._command_line.console import print_json, print_line, print_table
from sklearn_audiosr._command_line.model_options import list_shipped

_DESCRIPTION = """\
List the trained models that ship with the package: their narrowband and
wideband rates in Hz, the hours of audio that they were trained on, and their
signal-to-noise ratio (SNR) and log-spectral distance (LSD) on held-out
recordings. With a NAME, print the card of that model: scores, known failures,
training data and their licences, degradation."""


def add_parser(commands):
    """Add the subcommand; return its parser."""
    parser = commands.add_parser(
        "models",
        help="list the trained models that ship",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="print the card of this model")
    parser.add_argument("--json", action="store_true", help="print one line of JSON with all cards")
    return parser


def run(args):
    """Print the models.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments.

    Returns
    -------
    code : int
        0.
    """
    models = list_shipped()
    if args.name is not None:
        chosen = [model for model in models if model.name == args.name]
        if not chosen:
            names = ", ".join(model.name for model in models) or "none ships with this version"
            args.parser.error(f"argument NAME: no such model: {args.name!r}; there are: {names}")
        models = chosen
    if args.json:
        print_json([_describe(model) for model in models])
    elif args.name is not None:
        print_card(models[0])
    elif models:
        header = ["model", "from (Hz)", "to (Hz)", "audio (h)", "SNR (dB)", "LSD", "size (MB)"]
        print_table(header, [_make_row(model) for model in models])
    else:
        print_line("No models ship with this version.")
    return 0


def _describe(model):
    return {
        "name": model.name,
        "narrowband_rate": model.narrowband_rate,
        "sampling_rate": model.sampling_rate,
        "upsampling_ratio": model.upsampling_ratio,
        "bytes": model.n_bytes,
        "card": model.card,
    }


def _make_row(model):
    scores = model.card.get("scores", {}).get("highband_gain=1", {})
    return [
        model.name,
        f"{model.narrowband_rate:g}",
        f"{model.sampling_rate:g}",
        _format(model.card.get("training audio (hours)"), 1),
        _format(scores.get("snr_db"), 1),
        _format(scores.get("lsd_log10"), 2),
        _format(model.n_bytes / 1e6, 1),
    ]


def _format(number, digits):
    return "-" if number is None else f"{number:.{digits}f}"
