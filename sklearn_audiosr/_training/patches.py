"""Random training patches of clips that lie in one buffer."""

import numpy as np


class PatchSampler:
    """Draw aligned patches of sources and targets.

    Parameters
    ----------
    pairs : iterable of (ndarray, ndarray)
        Network input and wideband target of each clip, both of the clip's shape. Channels count as
        separate waveforms. Pairs are copied one by one: those of a generator need not be in memory
        all at once.
    shapes : list of (n_channels, n_timepoints)
        Shapes of the clips.
    patch_length : int
        Timepoints of a patch.
    stride : int
        Patches start at multiples of this number: the upsampling ratio, so that each starts at a
        narrowband timepoint.

    Attributes
    ----------
    n_patches_per_epoch : int
        Number of patches that have about as many timepoints as all clips.
    sources, targets : ndarray of shape (n_timepoints,), float32
        Buffers of all waveforms, one after the other.
    """

    def __init__(self, pairs, shapes, patch_length, stride):
        self.patch_length, self.stride = patch_length, stride
        lengths = np.array([n for n_channels, n in shapes for _ in range(n_channels)])
        self._shapes, self._lengths = shapes, lengths
        self._offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        # every start in every waveform is equally likely; the last patch covers the end
        self._last_start = np.cumsum(-(-np.maximum(lengths - patch_length, 0) // stride) + 1)
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
            Draws the starts.

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
        """Draw the places of patches in the buffers.

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
        begin = (start - before) * self.stride
        return self._offsets[waveform] + begin, self._lengths[waveform] - begin

    def pairs(self):
        """Return all clips as they went in.

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
        for i, pair in enumerate(pairs):  # zip would keep the first pair alive
            for clip, view in zip(pair, places[i], strict=True):
                if clip.shape != view.shape:
                    raise ValueError(
                        f"Training clip {i} must have the shape {view.shape} at the wideband rate, "
                        f"as when it was checked, got {clip.shape}: a lazy container must return "
                        "the same clip each time."
                    )
                view[:] = clip
