"""Progress bar over seconds of audio."""

import sys


def open_bar(label, seconds, *, quiet):
    """Open a progress bar on stderr if that is a terminal.

    Parameters
    ----------
    label : str
        Text before the bar.
    seconds : float
        Length of the audio.
    quiet : bool
        Show no bar.

    Returns
    -------
    bar : tqdm.tqdm
        Context manager; ``update(seconds)`` moves the bar on. It is erased when it is closed.
    """
    from tqdm import tqdm

    return tqdm(
        desc=label,
        total=seconds,
        file=sys.stderr,
        leave=False,
        miniters=0,  # else it expects updates as fast as the first, and stands still for 10 s
        # None disables it unless stderr is a terminal; stderr is None if the shell closed it
        disable=True if quiet or sys.stderr is None else None,
        bar_format="{desc} {percentage:3.0f}%|{bar}| {n:.0f} of {total:.0f} s "
        "[{elapsed}, {remaining} left]",
    )
