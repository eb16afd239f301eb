"""The split into training and validation clips, and the scale of clips."""

import numpy as np


def hold_out(n_clips, groups, fraction, random_state, required):
    """Split clip indices, or whole groups of them, into training and validation.

    With fewer than two clips (or groups), or a fraction of 0, all clips are for training.

    Parameters
    ----------
    n_clips : int
        Number of clips.
    groups : ndarray of shape (n_clips,) or None
        Label of each clip.
    fraction : float
        Share of the clips, or groups, to hold out.
    random_state : numpy.random.RandomState
        Draws the clips, or groups, to hold out.
    required : bool
        Whether validation clips are needed.

    Returns
    -------
    training, validation : ndarray of int
        Indices of clips.

    Raises
    ------
    ValueError
        If validation clips are needed and none can be held out.
    """
    units = np.arange(n_clips) if groups is None else np.unique(groups, return_inverse=True)[1]
    n_units = len(np.unique(units))
    if fraction == 0 or n_units < 2:
        if required:
            raise ValueError(
                "early_stopping=True needs validation_fraction above 0 and at least 2 clips (or "
                f"groups) to hold one out, got validation_fraction={fraction} and {n_units}: add "
                "clips, or set early_stopping=False."
            )
        return np.arange(n_clips), np.arange(0)
    n_held_out = min(max(1, round(fraction * n_units)), n_units - 1)
    held_out = np.isin(units, random_state.permutation(n_units)[:n_held_out])
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def root_mean_square(clips):
    """Return the root mean square of all timepoints of all clips; 1 if they are silent."""
    energy, count = 0.0, 0
    for clip in clips:
        energy += float(np.sum(np.square(clip, dtype=np.float64)))
        count += clip.size
    return float(np.sqrt(energy / count)) or 1.0
