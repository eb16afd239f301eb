"""Batches of patches on the device where a network trains."""

import numpy as np
import torch

# Share of a GPU's free memory that the clips may take; larger ones stay in main memory.
_BUFFER_SHARE = 0.25


class BatchLoader:
    """Load batches of patches as tensors on a device.

    Parameters
    ----------
    sampler : PatchSampler
        Draws the patches.
    device : torch.device
        Where the tensors go.
    rng : numpy.random.Generator
        The generator that the sampler draws with.

    Notes
    -----
    If the clips fit into a GPU's memory they are kept there, and only the places of the patches are
    copied. Otherwise a batch is gathered, pinned, and copied while the GPU works on the last one.
    """

    def __init__(self, sampler, device, rng):
        self.sampler, self.device, self.rng = sampler, device, rng
        self._buffers: list[torch.Tensor] = []
        if device.type == "cuda" and self._fits():
            self._keep_on_device()

    def load(self, n_patches):
        """Draw a batch.

        Parameters
        ----------
        n_patches : int
            How many.

        Returns
        -------
        sources, targets, mask : Tensor of shape (n_patches, 1, patch_length)
            As from `PatchSampler.draw`.
        """
        if self._buffers:
            return self._gather_on_device(n_patches)
        arrays = self.sampler.draw(n_patches, self.rng)
        return tuple(self._move(torch.from_numpy(array).unsqueeze(1)) for array in arrays)

    def _fits(self):
        n_bytes = self.sampler.sources.nbytes + self.sampler.targets.nbytes
        return n_bytes < _BUFFER_SHARE * torch.cuda.mem_get_info(self.device)[0]

    def _keep_on_device(self):
        buffers = self.sampler.sources, self.sampler.targets
        self._buffers = [torch.from_numpy(buffer).to(self.device) for buffer in buffers]
        self._time = torch.arange(self.sampler.patch_length, device=self.device)

    def _move(self, tensor):
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)

    def _gather_on_device(self, n_patches):
        places = np.stack(self.sampler.draw_places(n_patches, self.rng))
        first, n_inside = self._move(torch.from_numpy(places))
        mask = (self._time < n_inside[:, None]).float().unsqueeze(1)
        index = first[:, None] + self._time
        sources, targets = (buffer[index].unsqueeze(1) * mask for buffer in self._buffers)
        return sources, targets, mask
