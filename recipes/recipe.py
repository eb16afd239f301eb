"""Recipes of the models that ship; `recipes.train_pretrained` makes these."""

from dataclasses import dataclass, field

from recipes.splits import read_recordings
from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr.networks import HarmonicNoiseNet


@dataclass(frozen=True)
class Stage:
    """A part of a training, with its own variations.

    Attributes
    ----------
    n_copies : int
        Variations of the recordings, each heard once: a model learns by heart what it hears again.
    learning_rate : float
        The highest.
    schedule : {"constant", "cosine"}
        Of the learning rate. The last stage of a training lets it fall to nearly zero.
    adversarial_weight : float
        Weight of the judgement of discriminators; 0 trains without them.
    """

    n_copies: int
    learning_rate: float
    schedule: str = "constant"
    adversarial_weight: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """Recordings, variations, network and training of a model.

    Attributes
    ----------
    ratio : int
        Upsampling ratio.
    stages : tuple of Stage
        The training.
    begin_with : str or None
        Model of the same sizes, of another ratio, that the training begins with.
    highband_db : float
        Gain of the highband after the training, in dB. A highband that is a little too soft has
        about the same log-spectral distance, and is heard less than one that is too loud.
    rate : int
        Wideband rate in Hz.
    packs, test_packs : tuple of str
        Packs whose training split is learned, and whose test split is scored on.
    held_out : tuple of str
        Prefixes of the paths of recordings that are not trained on.
    repeated, n_repeats : tuple of str, int
        Prefixes of the paths of rare recordings, and how often each variation has them, varied
        differently each time.
    shares : dict
        Shares of the clips that are varied and degraded in some way: see `augment`.
    expansion, dropout, patch_length, batch_size : float, float, int, int
        Parameters of the network and its training. A file of half precision must stay below 8 MB.
    """

    ratio: int
    stages: tuple
    begin_with: str | None = None
    highband_db: float = -1.5
    rate: int = 16000
    packs: tuple = (
        "speech_multi",
        "speech_single",
        "speech_more",
        "speech_fullband",
        "speech_fullband_more",
        "music",
    )
    test_packs: tuple = ("speech_multi",)
    held_out: tuple = ("speech_fullband/vctk_p234", "speech_fullband/vctk_nwm")
    # studio voices, other languages and emotions, beside many speakers of few bright microphones
    repeated: tuple = (
        "speech_more/watson", "speech_more/azure", "speech_more/emodb", "speech_more/vctk",
        "speech_fullband_more/vctk",
    )  # fmt: skip
    n_repeats: int = 2
    shares: dict = field(
        default_factory=lambda: {
            "varied_share": 0.75,
            "random_filter_share": 0.35,
            "noisy_share": 0.12,
            "damaged_share": 0.15,
            "warped_share": 0.5,
            "edged_share": 0.45,
            "fuller_edged_share": 0.8,
        }
    )
    expansion: float = 2.5
    dropout: float = 0.1
    patch_length: int = 20000
    batch_size: int = 8

    def read(self, root, bring_down=True):
        """Read the recordings to train on, brought down to the rate or not, and to score on."""
        training = read_recordings(root, self.packs, "train", self.rate, bring_down=bring_down)
        tests = read_recordings(root, self.test_packs, "test", self.rate)
        return training.leave_out_names(self.held_out), tests

    def estimator(self, **changes):
        """Return the model, unfitted."""
        training = {
            "patch_length": self.patch_length,
            "batch_size": self.batch_size,
            "max_epochs": 1,
            "validation_fraction": 0.0,  # each variation is heard once
            "sampling_rate": self.rate,
        }
        return AudioSuperResolver(
            HarmonicNoiseNet(expansion=self.expansion, dropout=self.dropout),
            **{**training, **changes},
        )


_FROM_SCRATCH = (Stage(4, 2e-3), Stage(4, 2e-3), Stage(4, 2e-3), Stage(4, 2e-3, "cosine", 0.2))
_SHORTER = (Stage(4, 2e-3), Stage(4, 2e-3), Stage(4, 2e-3, "cosine", 0.2))
# the blocks of the model that it begins with have heard the same voices
_FROM_ANOTHER = (Stage(4, 2e-3), Stage(4, 2e-3, "cosine", 0.2))

RECIPES = {
    "speech-2x-16k": Recipe(2, _SHORTER),
    "speech-4x-16k": Recipe(4, _FROM_SCRATCH),
    "speech-6x-16k": Recipe(6, _FROM_ANOTHER, "speech-4x-16k"),
    "speech-8x-16k": Recipe(8, _FROM_ANOTHER, "speech-6x-16k"),
}
