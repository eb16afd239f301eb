"""Train the models that ship: one resumable command for each.

    python -m recipes.train_pretrained speech-4x-16k --work DIR --out DIR

trains on the training splits of the packs that the recipe names, varied in speed, formants,
microphone, phase, level, noise, filter, codec and line, in the stages of the recipe. It scores the
model on recordings that it has not heard. If it is stopped, the same command goes on where it was,
up to a minute before. A recipe may begin with another model: the one in the folder of ``--out``, or
else the one that ships.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from recipes.card import make_card
from recipes.discriminators import AdversarialObjective
from recipes.pairs import make_pairs
from recipes.recipe import RECIPES
from recipes.scoring import measure, round_weights
from recipes.start import begin, find_start
from sklearn_audiosr import load
from sklearn_audiosr._estimators.fitting import adopt_network
from tools.recordings import add_argument, skip_without_recordings


def claim_work(args, recipe):
    """Exit if the folder holds stages of other settings; record the settings."""
    asked, note = json.dumps(asdict(recipe), indent=1), args.work / f"{args.name}.settings"
    if note.exists() and note.read_text(encoding="utf-8") != asked:
        raise SystemExit(f"{note} holds other settings: repeat them, or choose another --work.")
    args.work.mkdir(parents=True, exist_ok=True)
    note.write_text(asked, encoding="utf-8")


def train(args, recipe):
    """Train a model, stage by stage.

    Returns
    -------
    est : AudioSuperResolver
        The trained model.
    minutes : float
        Processor time.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C ended a fit: the same call goes on from its checkpoint.
    SystemExit
        If the training diverged.
    """
    est, minutes, first_copy = None, 0.0, 0
    for number, stage in enumerate(recipe.stages, 1):
        kept = args.work / f"{args.name}.stage{number}"
        copies = range(first_copy, first_copy + stage.n_copies)
        first_copy += stage.n_copies
        if not kept.exists():
            est = begin_stage(args, recipe, number, est)
            recordings, _ = recipe.read(args.recordings, bring_down=False)
            start = time.process_time()
            est.fit(*make_pairs(recordings, recipe, copies, args.jobs))
            if est.n_iter_ < est.max_epochs:
                raise SystemExit(
                    f"The training diverged in stage {number} after {est.n_iter_} of "
                    f"{est.max_epochs} epochs: lower its learning rate."
                )
            est.set_params(checkpoint=None, objective=None, verbose=0, warm_start=False)
            est.save(kept, card={"minutes": (time.process_time() - start) / 60})
        est = load(kept)
        minutes += est.card_["minutes"]
    return est, minutes


def begin_stage(args, recipe, number, last):
    """Return an estimator that goes on from the last stage, or begins."""
    stage = recipe.stages[number - 1]
    weight = stage.adversarial_weight
    est = recipe.estimator(
        learning_rate=stage.learning_rate,
        learning_rate_schedule=stage.schedule,
        objective=AdversarialObjective(weight) if weight else None,
        checkpoint=str(args.work / f"{args.name}.checkpoint"),
        random_state=number,
        verbose=1,
    )
    if last is None:
        recordings, _ = recipe.read(args.recordings)
        begin(est, recipe, recordings, find_start(recipe, args.out))
    else:
        adopt_network(est, last.network_, recipe.ratio, last.scale_)
    return est.set_params(warm_start=True)


def make_parser():
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--work", type=Path, required=True, help="folder for stages and checkpoint")
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--jobs", type=int, default=1, help="processes that vary the recordings")
    return parser


def main():
    args = make_parser().parse_args()
    if skip_without_recordings(args):
        return
    recipe = RECIPES[args.name]
    claim_work(args, recipe)
    try:
        est, minutes = train(args, recipe)
    except KeyboardInterrupt:
        print("interrupted; what is done is kept: the same command goes on", file=sys.stderr)
        raise SystemExit(130) from None
    est.network_.shift_highband(recipe.highband_db)
    est = round_weights(est, args.work / f"{args.name}.rounded")
    card = make_card(args, recipe, est, minutes, measure(est, recipe, args.recordings))
    print(json.dumps(card, indent=2), flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    est.save(args.out / f"{args.name}.safetensors", card=card, dtype="float16")
    for kept in args.work.glob(f"{args.name}.*"):
        kept.unlink()


if __name__ == "__main__":
    main()
