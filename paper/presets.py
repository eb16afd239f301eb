"""How long and how large: minutes on a CPU, or the paper's own sizes on a GPU."""

from dataclasses import asdict, dataclass, replace

from sklearn_audiosr import AudioSuperResolver, DNNBandwidthExtender
from sklearn_audiosr.networks import AudioUNet


@dataclass(frozen=True)
class Preset:
    """Sizes of all experiments.

    Attributes
    ----------
    name : str
    minutes : float or None
        Training audio, at most; None is all.
    epochs : int
        Passes over it.
    width : float
        Of the network: 1 is the paper's.
    dropout : float or "auto"
        "auto" is the published program's, 0.5.
    learning_rate : float
        Of Adam, for both networks.
    patch_length : int
        Timepoints.
    hidden_layer_sizes : tuple of int
        Of the dense network: (2048, 2048, 2048) is its authors'.
    validation_fraction : float
        Share of the training clips that estimators hold out.
    device, seed
        Of the learned estimators.
    """

    name: str
    minutes: float | None
    epochs: int
    width: float
    dropout: float | str
    learning_rate: float
    patch_length: int
    hidden_layer_sizes: tuple
    validation_fraction: float = 0.06
    device: str = "auto"
    seed: int = 0

    def change(self, **changes):
        """Return a copy with other values; None keeps the old one."""
        return replace(self, **{k: v for k, v in changes.items() if v is not None})

    def has_own_width(self):
        """Return whether the width is the preset's own."""
        return self.width == PRESETS[self.name].width

    def describe(self):
        """Return all values by name."""
        return asdict(self)

    def network(self, **changes):
        """Return the config of the network."""
        return AudioUNet(**{"width": self.width, "dropout": self.dropout, **changes})

    def resolver(self, network=None, **changes):
        """Return the paper's method, unfitted."""
        return AudioSuperResolver(network or self.network(), **{**self._training(), **changes})

    def dnn(self, **changes):
        """Return the dense network on spectra, unfitted."""
        sizes = changes.pop("hidden_layer_sizes", self.hidden_layer_sizes)
        training = {**self._training(), "patch_length": 8192}
        return DNNBandwidthExtender(sizes, **{**training, **changes})

    def _training(self):
        return {
            "patch_length": self.patch_length,
            "learning_rate": self.learning_rate,
            "max_epochs": self.epochs,
            "validation_fraction": self.validation_fraction,
            "device": self.device,
            "random_state": self.seed,
        }


PRESETS = {
    # Dropout is for networks that overfit; one of an eighth of the width does not.
    "cpu": Preset(
        "cpu", minutes=10, epochs=3, width=1 / 8, dropout=0.0, learning_rate=1e-3,
        patch_length=4096, hidden_layer_sizes=(1024, 1024, 1024),
    ),
    # Sec. 4 has patches of 6000 timepoints; its program 8192, which the network's stride divides.
    "paper": Preset(
        "paper", minutes=None, epochs=400, width=1.0, dropout="auto", learning_rate=1e-4,
        patch_length=8192, hidden_layer_sizes=(2048, 2048, 2048),
    ),
}  # fmt: skip
