"""Training pairs of a recipe: varied wideband clips and their narrowband clips."""

from joblib import Parallel, delayed

from recipes.augmentation import augment


def make_pairs(recordings, recipe, copies, n_jobs=1):
    """Vary recordings and degrade them.

    Parameters
    ----------
    recordings : Recordings
        Each at its own rate.
    recipe : Recipe
        How many clips are varied, and how.
    copies : iterable of int
        Seeds of the variations of each recording; 0 leaves the recordings as they are.
    n_jobs : int, default=1
        Processes that work at the same time.

    Returns
    -------
    X, Y : list of ndarray of shape (n_timepoints,)
        Narrowband clips and their wideband clips.
    """
    recordings = recordings.repeat(recipe.repeated, recipe.n_repeats)
    made = Parallel(n_jobs)(
        delayed(augment)(
            recordings.clips, recordings.rates, recipe.rate, recipe.ratio, seed, **recipe.shares
        )
        for seed in copies
    )
    return [x for X, _ in made for x in X], [y for _, Y in made for y in Y]
