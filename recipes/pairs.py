"""Training pairs of a recipe: varied wideband clips and their narrowband clips."""

from recipes.augmentation import augment


def make_pairs(recordings, recipe, n_copies, first_copy=0):
    """Vary recordings and degrade them.

    Parameters
    ----------
    recordings : Recordings
        Each at its own rate.
    recipe : Recipe
        How many clips are varied, and how.
    n_copies : int
        Variations of each recording.
    first_copy : int, default=0
        Seed of the first variation; 0 leaves the recordings as they are.

    Returns
    -------
    X, Y : list of ndarray of shape (n_timepoints,)
        Narrowband clips and their wideband clips.
    groups : list of str
        Group of each pair.
    """
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
