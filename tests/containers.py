"""Containers of clips that are neither arrays nor lists."""

import numpy as np


class Lazy:
    """A sequence whose items are read when asked for."""

    def __init__(self, clips):
        self.clips = clips

    def __len__(self):
        return len(self.clips)

    def __getitem__(self, index):
        return self.clips[index]


def object_array(clips):
    """Return a one-dimensional array of clips, of equal or unequal lengths."""
    array = np.empty(len(clips), dtype=object)
    array[:] = clips
    return array
