"""Draw spectrograms of twelve clips as the speech models that ship predict them.

python -m benchmarks.draw_pretrained FOLDER
"""

import argparse
from pathlib import Path

from recipes.recipe import RECIPES
from sklearn_audiosr import load_pretrained, pretrained_names
from sklearn_audiosr.degradation import Decimator, trim_clips
from tools.pictures import draw_spectrograms
from tools.recordings import add_argument, skip_without_recordings

# Clips for each model, each of another speaker, and the excerpt that is drawn, in seconds.
N_CLIPS, BEGIN, END = 4, 0.5, 3.0


def choose_clips(test, rate, skip):
    """Return excerpts by name, each of another speaker, after `skip` speakers."""
    first = {group: i for i, group in reversed(list(enumerate(test.groups)))}
    chosen = sorted(first.values())[skip : skip + N_CLIPS]
    return {test.names[i]: test.clips[i][int(BEGIN * rate) : int(END * rate)] for i in chosen}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_argument(parser)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    if skip_without_recordings(args):
        return
    args.folder.mkdir(parents=True, exist_ok=True)
    for n, name in enumerate(n for n in pretrained_names() if n.startswith("speech")):
        est, recipe = load_pretrained(name), RECIPES[name]
        ratio, rate = recipe.ratio, recipe.rate
        _, test = recipe.read(args.recordings)
        for path, clip in choose_clips(test, rate, skip=2 * n).items():
            (y,) = trim_clips([clip], ratio)
            x = Decimator(ratio).fit_transform([y])
            mean, full = (est.predict(x, highband_gain=gain)[0] for gain in (0.0, 1.0))
            waveforms = {"true": y, "highband_gain=0": mean, "highband_gain=1": full}
            picture = args.folder / f"{name}_{Path(path).stem}.png"
            draw_spectrograms(waveforms, rate, rate / ratio / 2, picture)
            print(picture)


if __name__ == "__main__":
    main()
