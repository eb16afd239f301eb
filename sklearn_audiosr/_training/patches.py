"""Random training patches from clips that sit in one buffer."""

import numpy as np


class PatchSampler:
    """Draws aligned patches of sources and targets.

    Parameters
    ----------
    pairs : iterable of (ndarray, ndarray)
        Network input and wideband target of each clip at one rate, both of the clip's shape. Each
        channel is a waveform of its own. They are copied one by one, so that a generator's need
        not be in memory all at once.
    shapes : list of (n_channels, n_timepoints)
        Of the clips.
    patch_length : int
        Timepoints of a patch.
    step : int
        Patches start at multiples of this many timepoints: the upsampling ratio, so that each
        patch begins at a narrowband timepoint.

    Attributes
    ----------
    n_patches_per_epoch : int
        Patches that hold as many timepoints as the clips.
    sources, targets : ndarray of shape (n_timepoints,), float32
        Buffers: all waveforms, one after the other.
    """

    def __init__(self, pairs, shapes, patch_length, step):
        self.patch_length, self.step = patch_length, step
        lengths = np.array([n for n_channels, n in shapes for _ in range(n_channels)])
        self._shapes, self._lengths = shapes, lengths
        self._offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        # every start of every waveform is equally likely; the last reaches the end, or over it
        self._last_start = np.cumsum(-(-np.maximum(lengths - patch_length, 0) // step) + 1)
        # a patch may run over the end of the last waveform
        buffers = np.zeros((2, lengths.sum() + patch_length), dtype=np.float32)
        self.sources, self.targets = buffers
        self._fill(pairs)
        self.n_patches_per_epoch = int(-(-lengths.sum() // patch_length))

    def draw(self, n_patches, rng):
        """Draw patches.

        Parameters
        ----------
        n_patches : int
            How many.
        rng : numpy.random.Generator
            Source of the starts.

        Returns
        -------
        sources, targets : ndarray of shape (n_patches, patch_length), float32
            Zero beyond the end of a short waveform.
        mask : ndarray of shape (n_patches, patch_length), float32
            1 inside the waveform, 0 beyond its end.
        """
        first, n_inside = self.draw_places(n_patches, rng)
        time = np.arange(self.patch_length)
        mask = time < n_inside[:, None]
        index = first[:, None] + time
        return (
            np.where(mask, self.sources[index], np.float32(0)),
            np.where(mask, self.targets[index], np.float32(0)),
            mask.astype(np.float32),
        )

    def draw_places(self, n_patches, rng):
        """Draw where patches lie in the buffers.

        Parameters
        ----------
        n_patches, rng : int, numpy.random.Generator
            As in `draw`.

        Returns
        -------
        first, n_inside : ndarray of shape (n_patches,), int64
            First timepoint of each patch in the buffers, and timepoints from there to the end of
            its waveform.
        """
        start = rng.integers(self._last_start[-1], size=n_patches)
        waveform = np.searchsorted(self._last_start, start, side="right")
        before = np.where(waveform > 0, self._last_start[waveform - 1], 0)
        begin = (start - before) * self.step
        return self._offsets[waveform] + begin, self._lengths[waveform] - begin

    def pairs(self):
        """Give all clips as they went in.

        Returns
        -------
        pairs : list of (ndarray, ndarray)
            Source and target, each of shape (n_channels, n_timepoints); views of the buffers.
        """
        pairs, start = [], 0
        for shape in self._shapes:
            stop = start + shape[0] * shape[1]
            buffers = self.sources[start:stop], self.targets[start:stop]
            pairs.append(tuple(buffer.reshape(shape) for buffer in buffers))
            start = stop
        return pairs

    def _fill(self, pairs):
        """Copy all clips into the buffers, one after the other."""
        places = self.pairs()
        for i, pair in enumerate(pairs):  # beside zip, the first one would stay
            for clip, view in zip(pair, places[i], strict=True):
                if clip.shape != view.shape:
                    raise ValueError(
                        f"Clip {i} of those that train must have the shape {view.shape} at the "
                        f"wideband rate, as when it was checked, got {clip.shape}: a lazy "
                        "container must give the same clip whenever it is asked for one."
                    )
                view[:] = clip
