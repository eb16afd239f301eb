"""A bar over seconds of audio, and what moves it."""

import copy
import sys


def open_bar(label, seconds, *, quiet):
    """Open a progress bar on stderr, over seconds of audio; on terminals only.

    Parameters
    ----------
    label : str
        What stands before it.
    seconds : float
        Its whole length.
    quiet : bool
        Show none.

    Returns
    -------
    bar : tqdm.tqdm
        A context manager with ``update(seconds)``; it leaves no trace when it is closed.
    """
    from tqdm import tqdm

    return tqdm(
        desc=label,
        total=seconds,
        file=sys.stderr,
        leave=False,
        # None: where it is no terminal; there is none to look at where the shell has closed it
        disable=True if quiet or sys.stderr is None else None,
        bar_format="{desc} {percentage:3.0f}%|{bar}| {n:.0f} of {total:.0f} s "
        "[{elapsed}, {remaining} left]",
    )


def watch_streams(est, bar, file_rate):
    """Give a copy of an estimator whose streams move a bar.

    Parameters
    ----------
    est : estimator
        Fitted.
    bar : object
        With ``update(seconds)``.
    file_rate : float
        Rate in Hz of what goes in if the estimator does not know it.

    Returns
    -------
    watched : estimator
        Its streams count seconds of audio as they are pushed.
    """
    rate = file_rate
    if est.sampling_rate is not None:
        rate = est.sampling_rate / est.upsampling_ratio_
    watched = copy.copy(est)
    watched.stream = lambda n_channels=1: _WatchedStream(est.stream(n_channels), bar, rate)
    return watched


class _WatchedStream:
    """A stream that moves a bar."""

    def __init__(self, stream, bar, rate):
        self._stream, self._bar, self._rate = stream, bar, rate

    def push(self, chunk):
        y = self._stream.push(chunk)
        self._bar.update(chunk.shape[-1] / self._rate)
        return y

    def flush(self):
        return self._stream.flush()
