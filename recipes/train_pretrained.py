"""Train the models that ship: one resumable command for each.

    python -m recipes.train_pretrained speech-4x-16k --work DIR --out DIR

trains on the training splits of the packs that the recipe names, varied in speed, formants,
microphone, phase, level, noise, filter, codec and line, and scores the model on recordings that it
has not seen. If it is stopped, the same command goes on where it was, up to a minute before.
``--epochs`` and ``--copies`` make it shorter; ``--damaged-share``, ``--warped-share`` and
``--edged-share`` change how many clips are coded, noisy or sent over a line, how many have their
formants moved, and how many lose the end of their band. A recipe may begin with another model, or
with the last version of its own, then with a ``--first-copy`` beyond those that its card names; not
with ``--from-scratch``. ``--begin-with`` takes the model of a file instead, and ``--start-share``
how much of its weights is kept, if it is of the same ratio.
``--hold-out`` leaves recordings, and others of their speakers, out of training and scores on them:
how good a model is on voices that it has not heard. Nor must what it begins with have: it begins
with none but a file for which they were held out, too.
At last the levels of the highband are shifted (`_levels`), and the correction of the lowband is
solved for (`_correction`).
"""

import argparse
import json
import platform
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from recipes.augmentation import augment
from recipes.correction import settle_correction
from recipes.levels import levels_of, shift_levels
from recipes.recipe import RECIPES
from sklearn_audiosr import LinearUpsampler, SplineUpsampler, load, load_pretrained
from sklearn_audiosr._signal.interpolation import upsample_cubic
from sklearn_audiosr.degradation import Decimator, ideal_lowband, trim_clips
from tools.recordings import add_argument, skip_without_recordings
from tools.scores import score

# Of a network, that must be alike where one begins with another.
_SIZES = ("n_blocks", "width", "kernel_size", "expansion", "frame_length")


def begin_with(other, est, X, Y):
    """Let an estimator begin with the network of another one, for a warm start."""
    ratio, scale = len(Y[0]) // len(X[0]), other.scale_
    torch.manual_seed(est.random_state)
    network = est.network.build(upsampling_ratio=ratio)
    network.take_over(other.network_)
    network.prepare(
        (upsample_cubic(x[None] / np.float32(scale), ratio), y[None] / np.float32(scale))
        for x, y in zip(X, Y, strict=True)
    )
    est.network_, est.upsampling_ratio_, est.scale_ = network.eval(), ratio, scale
    est.loss_curve_, est.validation_scores_, est.n_iter_ = [], [], 0
    est._trained_architecture = est._describe_architecture()
    return est.set_params(warm_start=True)


def find_start(recipe, args):
    """Load the model of a file, one that was trained before, or the one that ships.

    Of the one that is made it is the one that ships, so that the command may be run again. None if
    the recipe begins with no model.
    """
    if recipe.begin_with is None:
        return None
    if args.begin_with:
        return load(args.begin_with)
    trained = args.out / f"{recipe.begin_with}.safetensors"
    if recipe.begin_with != args.name and trained.exists():
        return load(trained)
    return load_pretrained(recipe.begin_with)


def learn_from_unshifted(start):
    """Take the levels of a model to begin with back to what it has learned."""
    shift_levels(start.network_, **{key: -db for key, db in levels_of(start.card_).items()})


def check_start(start, recipe, args):
    """Exit if a file to begin with is not of this command, or has heard what is held out."""
    card = start.card_ or {}
    sizes, needed = (
        getattr(getattr(est, "network", None), "get_params", dict)()
        for est in (start, recipe.estimator())
    )
    if "recipe" not in card or any(sizes.get(name) != needed[name] for name in _SIZES):
        raise SystemExit(
            f"{args.begin_with} must be a model that this command has made, with a network of "
            f"{', '.join(f'{name}={needed[name]}' for name in _SIZES)}: begin with such a one."
        )
    held_out = card["recipe"].get("held_out")
    if recipe.held_out and (held_out is None or not recipe.held_out.startswith(held_out)):
        raise SystemExit(
            f"{args.begin_with} must not have heard {recipe.held_out}, but what was held out for "
            f"it is {held_out}: begin with one that was trained with --hold-out {recipe.held_out}."
        )


def check_share(start, recipe):
    """Exit if weights are to be kept of a model that is of another ratio, or of none."""
    ratio = start and start.upsampling_ratio_
    if recipe.start_share and ratio != recipe.ratio:
        raise SystemExit(
            f"--start-share must be 0, got {recipe.start_share:g}: the model to begin with is "
            f"{f'of ratio {ratio}' if ratio else 'none'}, not of ratio {recipe.ratio}. Leave it "
            "out, or give such a model with --begin-with."
        )


def claim_work(args, recipe, start):
    """Exit if the folder for checkpoints holds those of other settings; note these."""
    history = tell_history(start.card_) if start else None
    asked = {"recipe": asdict(recipe), "first copy": args.first_copy, "begun with": history}
    asked, note = json.dumps(asked, indent=1), args.work / f"{args.name}.settings"
    if note.exists() and note.read_text(encoding="utf-8") != asked:
        raise SystemExit(f"{note} is of other settings: give them, or another --work.")
    args.work.mkdir(parents=True, exist_ok=True)
    note.write_text(asked, encoding="utf-8")


def make_pairs(recordings, recipe, n_copies, first_copy=0):
    """Vary the recordings, and degrade them: X, Y and the group of each clip."""
    recordings = recordings.repeat(recipe.repeated, recipe.n_repeats)
    X, Y = [], []
    for copy in range(first_copy, first_copy + n_copies):
        x, y = augment(
            recordings.clips, recordings.rates, recipe.rate, recipe.ratio, seed=copy,
            varied_share=recipe.varied_share, random_filter_share=recipe.random_filter_share,
            damaged_share=recipe.damaged_share, warped_share=recipe.warped_share,
            edged_share=recipe.edged_share, fuller_edged_share=recipe.fuller_edged_share,
        )  # fmt: skip
        X += x
        Y += y
    return X, Y, recordings.groups * n_copies


def _measure_lengths(recordings):
    """Give the length of each recording in seconds."""
    return np.array([len(c) / r for c, r in zip(recordings.clips, recordings.rates, strict=True)])


def measure(est, recipe, root):
    """Score on the test split, behind the paper's filter: the model at both ends of its dial."""
    train, test = recipe.read(root)
    decimator = Decimator(recipe.ratio)
    Y_train, Y = (trim_clips(r.clips, recipe.ratio) for r in (train, test))
    X_train, X = decimator.fit_transform(Y_train), decimator.transform(Y)
    rows = {"ideal lowband": ideal_lowband(Y, recipe.ratio)}
    for name, baseline in [("spline", SplineUpsampler()), ("linear", LinearUpsampler())]:
        rows[name] = baseline.fit(X_train, Y_train).predict(X)
    for gain in (0.0, 1.0):
        rows[f"highband_gain={gain:g}"] = est.predict(X, highband_gain=gain)
    return {name: score(Y, Y_pred, test.names) for name, Y_pred in rows.items()}


def make_card(args, recipe, est, recordings, start, minutes, scores):
    """Tell what a model is and what it learned from."""
    begun = start.card_ if start else None
    sources = {*recordings.sources, *(begun["training recordings"] if begun else ())}
    return {
        "name": args.name,
        "metrics": "SNR in dB; LSD log10, frames of 2048, hop 512, floor 1e-8; behind the "
        "order-8 Chebyshev filter, zero phase, mean over clips",
        "scores": scores,
        "training recordings": sorted(sources),  # and those of what it began with
        "training audio (hours)": round(_measure_lengths(recordings).sum() / 3600, 3),
        "degradation": (
            f"order-8 Chebyshev filter, zero phase; for {recipe.random_filter_share:.0%} of the "
            f"clips ({recipe.settling_filter_share:.0%} when the correction of the lowband was "
            "solved for) filters drawn at random and those of resamplers, half and half; of the "
            "coded and noisy ones a quarter random, half those of resamplers; phase turned; of "
            f"{recipe.varied_share:.0%}, and of all of a higher rate, speed, microphone, level "
            f"and noise varied, and of {recipe.warped_share:.0%} of them formants; "
            f"{recipe.edged_share:.0%} of them, and {recipe.fuller_edged_share:.0%} of those of a "
            "higher rate, without the last 6% of the band; "
            f"{recipe.damaged_share:.0%} of the narrowband clips coded, with noise or, at 8 kHz, "
            "sent over a telephone line (recipes/augmentation.py)"
        ),
        "epochs": est.n_iter_,
        "seed": est.random_state,
        "training (processor hours, last run)": round(minutes / 60, 2),
        "hardware": _name_hardware(),
        "torch": torch.__version__,
        "objective": est.network_.default_objective,
        "recipe": asdict(recipe),
        "first copy": args.first_copy,
        "begun with": tell_history(begun) if begun else None,  # long: what users look for is above
    }


def tell_history(card):
    """Give what a model had learned before another began with it."""
    hours = "training (processor hours, last run)"
    return {
        "name": card["name"],
        "variations": card["recipe"]["n_copies"],
        "held out": card["recipe"].get("held_out"),
        **{name: card.get(name) for name in ("first copy", "epochs", hours, "begun with")},
    }


def _name_hardware():
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def train(args, recipe, recordings, start):
    """Give a fitted model and the processor minutes that it took; None if it was interrupted.

    It is kept in the folder for checkpoints until its scores are there.
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


def choose_recipe(args):
    """Give the recipe as it was asked for."""
    recipe = RECIPES[args.name]
    begins = None if args.from_scratch or args.hold_out else recipe.begin_with
    keeps = begins and not args.begin_with  # of what ships, which has heard more
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


@torch.no_grad()
def keep_start(network, start, share):
    """Let a network have so much of the weights that it began with; its filter is its own."""
    kept = start.state_dict()
    for name, weight in network.state_dict().items():
        if not name.startswith("linear"):
            weight.lerp_(kept[name], share)


def round_weights(est, path):
    """Give a model as its file of half precision has it."""
    est.save(path, card={}, dtype="float16")
    est = load(path)
    path.unlink()
    return est


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


def main():
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
        "--first-copy", type=int, default=0, help="its seed; 0: the recordings as they are"
    )
    parser.add_argument(
        "--start-share", type=parse_share, metavar="SHARE",
        help="of the weights that it begins with, how much it keeps (default: the recipe's; of a "
        "file 0)",
    )  # fmt: skip
    parser.add_argument(
        "--damaged-share", type=parse_share, metavar="SHARE",
        help="narrowband clips that have gone through a codec or a telephone line, or got noise "
        "(default: the recipe's)",
    )  # fmt: skip
    parser.add_argument(
        "--warped-share", type=parse_share, metavar="SHARE",
        help="varied clips that have their formants moved (default: the recipe's)",
    )  # fmt: skip
    parser.add_argument(
        "--edged-share", type=parse_share, metavar="SHARE",
        help="varied clips that lose the end of their band (default: the recipe's)",
    )  # fmt: skip
    parser.add_argument(
        "--hold-out", metavar="PREFIX", help="what paths of recordings to score on begin with"
    )
    starts = parser.add_mutually_exclusive_group()
    starts.add_argument("--from-scratch", action="store_true", help="begin with no other model")
    starts.add_argument("--begin-with", type=Path, metavar="FILE", help="a model of the same sizes")
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    recipe = choose_recipe(args)
    start = find_start(recipe, args)
    if args.begin_with:
        check_start(start, recipe, args)
    check_share(start, recipe)
    if start is not None:
        learn_from_unshifted(start)
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
    if recipe.start_share:
        keep_start(est.network_, start.network_, recipe.start_share)
    shift_levels(est.network_, recipe.highband_db, recipe.end_db)
    settling = replace(recipe, random_filter_share=recipe.settling_filter_share)
    first_copy = args.first_copy + recipe.n_copies  # beyond those that it was trained on
    X, Y, _ = make_pairs(recordings, settling, recipe.n_settling_copies, first_copy)
    settle_correction(est, X, Y)
    est = round_weights(est, args.work / f"{args.name}.rounded")
    scores = measure(est, recipe, args.recordings)
    card = make_card(args, recipe, est, recordings, start, minutes, scores)
    print(json.dumps(card, indent=2), flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    est.save(args.out / f"{args.name}.safetensors", card=card, dtype="float16")
    for kept in ("trained", "settings"):
        (args.work / f"{args.name}.{kept}").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
