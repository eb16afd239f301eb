"""Train the models that ship: one resumable command for each.

    python -m recipes.train_pretrained speech-4x-16k --work DIR --out DIR

trains on the training splits of the packs that the recipe names, varied in speed, formants,
microphone, phase, level, noise, filter, codec and line. It scores the model on recordings that it
has not heard. If it is stopped, the same command goes on where it was, up to a minute before.

``--epochs`` and ``--copies`` make it shorter. ``--damaged-share``, ``--warped-share`` and
``--edged-share`` change how many clips are coded, noisy or sent over a line, how many have their
formants moved, and how many lose the end of their band.

A recipe may begin with another model, or with the last version of its own; the latter needs a
``--first-copy`` beyond those that its card names. ``--from-scratch`` begins with none.
``--begin-with`` takes the model of a file instead. ``--start-share`` says how much of its weights
is kept; the ratio must be the same.

``--hold-out`` leaves recordings, and others of their speakers, out of training and scores on them,
to show how good a model is on voices that it has not heard. The model to begin with must not have
heard them either: it can only be a file for which they were held out, too.

In the end the levels of the highband are shifted (`highband_level`), and the correction of the
lowband is solved for (`lowband_correction`).
"""

import argparse
import json
import time
from dataclasses import asdict, replace
from pathlib import Path

from recipes.card import describe_history, make_card
from recipes.highband_level import shift_levels
from recipes.lowband_correction import fit_lowband_correction
from recipes.pairs import make_pairs
from recipes.recipe import RECIPES
from recipes.scoring import measure, round_weights
from recipes.start import (
    begin_with,
    check_share,
    check_start,
    find_start,
    mix_with_start,
    undo_shift,
)
from sklearn_audiosr import load
from tools.recordings import add_argument, skip_without_recordings


def choose_recipe(args):
    """Return the recipe with the changes of the command line."""
    recipe = RECIPES[args.name]
    begins = None if args.from_scratch or args.hold_out else recipe.begin_with
    keeps = begins and not args.begin_with  # the model that ships has heard more
    shares = ("start_share", "damaged_share", "warped_share", "edged_share")
    asked = {name: getattr(args, name) for name in shares if getattr(args, name) is not None}
    return replace(
        recipe,
        n_copies=args.copies or recipe.n_copies,
        epochs=args.epochs or recipe.epochs,
        begin_with=args.begin_with.name if args.begin_with else begins,
        **{"start_share": recipe.start_share if keeps else 0.0, **asked},
        held_out=args.hold_out,
    )


def open_start(recipe, args):
    """Return the model to begin with, its levels not shifted, or None."""
    start = find_start(recipe, args)
    if args.begin_with:
        check_start(start, recipe, args.begin_with)
    check_share(start, recipe)
    if start is not None:
        undo_shift(start)
    return start


def claim_work(args, recipe, start):
    """Exit if the folder holds checkpoints of other settings; record the settings."""
    history = describe_history(start.card_) if start else None
    asked = {"recipe": asdict(recipe), "first copy": args.first_copy, "begun with": history}
    asked, note = json.dumps(asked, indent=1), args.work / f"{args.name}.settings"
    if note.exists() and note.read_text(encoding="utf-8") != asked:
        raise SystemExit(f"{note} holds other settings: repeat them, or choose another --work.")
    args.work.mkdir(parents=True, exist_ok=True)
    note.write_text(asked, encoding="utf-8")


def train(args, recipe, recordings, start):
    """Train a model, and keep it in the folder for checkpoints until it has scores.

    Returns
    -------
    est : AudioSuperResolver or None
        None if the training was interrupted.
    minutes : float
        Processor time.
    """
    kept = args.work / f"{args.name}.trained"
    if kept.exists():
        est = load(kept)
        return est, est.card_["minutes"]
    X, Y, groups = make_pairs(recordings, recipe, recipe.n_copies, args.first_copy)
    est = recipe.estimator(
        checkpoint=str(args.work / f"{args.name}.checkpoint"),
        random_state=args.first_copy,
    )
    if start is not None:
        begin_with(start, est, X, Y)
    begin = time.process_time()
    est.fit(X, Y, groups=groups)
    minutes = (time.process_time() - begin) / 60
    if est.n_iter_ < est.max_epochs:
        return None, minutes  # the same command goes on from the checkpoint, if there is one
    est.set_params(checkpoint=None, verbose=0, warm_start=False)
    est.save(kept, card={"minutes": minutes})
    return est, minutes


def finish(est, args, recipe, recordings, start):
    """Return the trained model with its levels shifted and the lowband correction solved for."""
    if recipe.start_share:
        mix_with_start(est.network_, start.network_, recipe.start_share)
    shift_levels(est.network_, recipe.highband_db, recipe.end_db)
    degraded = replace(recipe, random_filter_share=recipe.correction_filter_share)
    first_copy = args.first_copy + recipe.n_copies  # beyond those that it was trained on
    X, Y, _ = make_pairs(recordings, degraded, recipe.n_correction_copies, first_copy)
    fit_lowband_correction(est, X, Y)
    return round_weights(est, args.work / f"{args.name}.rounded")


def parse_count(text):
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return count


def parse_share(text):
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"must lie from 0 to 1, got {text}")
    return share


_SHARES = {
    "--start-share": "share of the start's weights to keep (default: the recipe's; 0 for a file)",
    "--damaged-share": "share of the narrowband clips that go through a codec or a telephone line, "
    "or get noise (default: the recipe's)",
    "--warped-share": "share of the varied clips whose formants are moved (default: the recipe's)",
    "--edged-share": "share of the varied clips that lose the end of their band (default: the "
    "recipe's)",
}


def make_parser():
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--work", type=Path, required=True, help="folder for the checkpoint")
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--epochs", type=int, help="passes (default: the recipe's)")
    parser.add_argument(
        "--copies", type=parse_count, help="variations, at least 1 (default: the recipe's)"
    )
    parser.add_argument(
        "--first-copy",
        type=int,
        default=0,
        help="seed of the first variation; 0: the recordings as they are",
    )
    for option, text in _SHARES.items():
        parser.add_argument(option, type=parse_share, metavar="SHARE", help=text)
    parser.add_argument(
        "--hold-out", metavar="PREFIX", help="prefix of the paths of recordings to score on"
    )
    starts = parser.add_mutually_exclusive_group()
    starts.add_argument("--from-scratch", action="store_true", help="begin with no other model")
    starts.add_argument("--begin-with", type=Path, metavar="FILE", help="a model of the same sizes")
    return parser


def main():
    args = make_parser().parse_args()
    if skip_without_recordings(args):
        return
    recipe = choose_recipe(args)
    start = open_start(recipe, args)
    recordings, tests = recipe.read(args.recordings, bring_down=False)
    if not recordings.clips or not tests.clips:
        raise SystemExit(
            f"There are {len(recordings.clips)} recordings to train on and {len(tests.clips)} to "
            "score on: --recordings and --hold-out must leave some of both."
        )
    claim_work(args, recipe, start)
    est, minutes = train(args, recipe, recordings, start)
    if est is None:
        return
    est = finish(est, args, recipe, recordings, start)
    scores = measure(est, recipe, args.recordings)
    card = make_card(args, recipe, est, recordings, start, minutes, scores)
    print(json.dumps(card, indent=2), flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    est.save(args.out / f"{args.name}.safetensors", card=card, dtype="float16")
    for kept in ("trained", "settings"):
        (args.work / f"{args.name}.{kept}").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
