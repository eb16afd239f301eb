"""The head of `DNNBandwidthExtender`, and its validation loss."""

from sklearn_audiosr._estimators.heads import WaveformHead


class SpectrumHead(WaveformHead):
    """The output is the waveform; the network itself computes the loss, from spectra."""

    score_name = "minus validation loss"
    attributes = {}

    def loss(self, network, sources, targets, mask):
        """Return the network's loss."""
        return network.loss(sources, targets, mask)


def mean_loss(network, held_out, device, precision):
    """Return the mean loss over all timepoints of the held-out clips.

    Parameters
    ----------
    network : HighbandDNN
        Network on `device`.
    held_out : list of (ndarray, ndarray)
        Network inputs and targets.
    device : torch.device
        Device of the network.
    precision : str
        Number format of the network.

    Returns
    -------
    loss : float
        Mean loss.
    """
    import torch

    from sklearn_audiosr._estimators.dnn_network import cut_excerpts
    from sklearn_audiosr._torch import Workspace, inference

    total, count = 0.0, 0
    with inference(network, device, precision, Workspace(n_uses=1)):
        for source, target in cut_excerpts(held_out, network.hop):
            source, target = source[:, None].to(device), target[:, None].to(device)
            n = source.numel()
            total += n * float(network.loss(source, target, torch.ones_like(source)))
            count += n
    return total / count
