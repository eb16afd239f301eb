"""Shift the levels of a model that ships to those of its recipe, without training.

    python -m recipes.renew_levels speech-4x-16k --out DIR

saves the model with its new scores in DIR.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

from recipes.highband_level import levels_of, shift_levels
from recipes.recipe import RECIPES
from recipes.scoring import measure, round_weights
from sklearn_audiosr import load_pretrained, pretrained_names
from tools.recordings import add_argument, skip_without_recordings


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    parser.add_argument("name", choices=pretrained_names())
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    est, recipe = load_pretrained(args.name), RECIPES[args.name]
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"{args.name}.safetensors"
    card, levels = est.card_, levels_of({"recipe": asdict(recipe)})
    shift_levels(est.network_, **{key: levels[key] - db for key, db in levels_of(card).items()})
    est = round_weights(est, args.out / f"{args.name}.rounded")  # the old one stays until the end
    card = {**card, "scores": measure(est, recipe, args.recordings)}
    est.save(path, card={**card, "recipe": {**card["recipe"], **levels}}, dtype="float16")


if __name__ == "__main__":
    main()
