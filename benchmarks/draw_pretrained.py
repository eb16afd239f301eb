"""Draw spectrograms of ten clips as each of the speech models that ship predicts them.

python -m benchmarks.draw_pretrained FOLDER
"""

import argparse
from pathlib import Path

from recipes.recipe import RECIPES
from recipes.splits import read_recordings
from sklearn_audiosr import load_pretrained, pretrained_names
from sklearn_audiosr.degradation import Decimator, trim_clips
from tools.pictures import draw_spectrograms
from tools.recordings import add_argument, skip_without_recordings

# Clips for each model, and the second that is drawn: harmonics can be told apart in it.
N_CLIPS, BEGIN, END = 10, 0.5, 1.5


def choose_clips(test):
    """Return clips by name, spread over the recordings and so over the speakers."""
    chosen = range(0, len(test.clips), -(-len(test.clips) // N_CLIPS))
    return {test.names[i]: test.clips[i] for i in chosen}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    args.folder.mkdir(parents=True, exist_ok=True)
    for name in pretrained_names():
        est, recipe = load_pretrained(name), RECIPES[name]
        ratio, rate = recipe.ratio, recipe.rate
        test = read_recordings(args.recordings, recipe.test_packs, "test", rate)
        for path, clip in choose_clips(test).items():
            (y,) = trim_clips([clip], ratio)
            (y_pred,) = est.predict(Decimator(ratio).fit_transform([y]))
            second = slice(int(BEGIN * rate), int(END * rate))
            waveforms = {"reference": y[second], name: y_pred[second]}
            picture = args.folder / f"{name}_{Path(path).stem}.png"
            draw_spectrograms(waveforms, rate, rate / ratio / 2, picture)
            print(picture)


if __name__ == "__main__":
    main()
