"""Recipes of the models that ship; `recipes.train_pretrained` makes these."""

from dataclasses import dataclass

from recipes.splits import read_recordings
from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr.networks import SpectralNet


@dataclass(frozen=True)
class Recipe:
    """Recordings, network and training of a model.

    Attributes
    ----------
    rate, ratio : int
        Wideband rate in Hz, and upsampling ratio.
    packs, test_packs : tuple of str
        Packs to train on and to score on, or prefixes of the paths of recordings.
    splits : tuple of str
        Splits to train on and to score on: "train" and "test", or "all" where the packs differ.
    held_out : str or None
        Prefix of the paths of recordings to score on instead. Neither they nor others of their
        speakers are trained on.
    least_rate : int or None
        Recordings of at least this rate count as recordings of `rate`.
    n_copies : int
        Variations of the recordings, themselves among them.
    epochs : int
        Passes over all variations.
    learning_rate : float
        The highest; lower where the model begins with one that has learned much.
    frame_length, expansion, dropout, channel_noise : int or float
        Parameters of the network. A file of half precision must stay below 8 MB.
    patch_length : int
        Wideband timepoints.
    begin_with : str or None
        Model of the same rate and sizes that the training begins with: of another ratio, its own
        last version, or a file of that name.
    start_share : float
        Share of that model's weights to keep, if it has heard more. The new model becomes a little
        worse on the test speakers, and as much better on other recordings (M. Wortsman et al.,
        "Robust fine-tuning of zero-shot models", CVPR 2022).
    varied_share, random_filter_share : float
        Share of the clips whose voice, microphone, level and noise floor are varied (those of a
        higher rate always are), and share that is decimated by a random filter, half of these by a
        resampler's. For damaged clips see `augment`.
    damaged_share, warped_share : float
        Share of the narrowband clips that go through a codec or a telephone line, or get noise, and
        share of the varied clips whose formants are moved; for the lowband correction too.
    edged_share : float
        Share of the varied clips that lose the end of their band, from 0.94 of it, as behind a
        resampler. A larger share makes the model better on recordings that were resampled, and
        worse on others.
    fuller_edged_share : float
        The same for recordings of a higher rate.
    repeated, n_repeats : tuple of str, int
        Prefixes of the paths of rare recordings, and how often each variation has them, varied
        differently each time.
    highband_db, end_db : float
        Shift of the generated highband, and of the end of the band, in dB: see `highband_level`.
    n_correction_copies : int
        Variations that the lowband correction is solved for on, after those of the training.
    correction_filter_share : float
        As `random_filter_share`, for the lowband correction. With a small share it is best behind
        the paper's filter, but boosts the end of a band that another filter has not lowered.
    """

    rate: int
    ratio: int
    packs: tuple
    test_packs: tuple
    splits: tuple = ("train", "test")
    held_out: str | None = None
    least_rate: int | None = None
    n_copies: int = 4
    epochs: int = 1  # a model learns by heart what it hears again
    learning_rate: float = 3e-3
    frame_length: int = 1024
    expansion: float = 2.8
    dropout: float = 0.0
    channel_noise: float = 0.0
    patch_length: int = 16384
    begin_with: str | None = None
    start_share: float = 0.0
    varied_share: float = 0.25
    random_filter_share: float = 0.1
    damaged_share: float = 0.0
    warped_share: float = 0.0
    edged_share: float = 0.25
    fuller_edged_share: float = 0.7
    repeated: tuple = ()
    n_repeats: int = 1
    highband_db: float = 0.0
    end_db: float = 0.0
    n_correction_copies: int = 4
    correction_filter_share: float = 0.0

    def read(self, root, bring_down=True):
        """Read the recordings to train on, brought down to the rate or not, and to score on."""
        train, test = self.splits
        recordings = self._read(root, self.packs, train, bring_down)
        if self.held_out is None:
            return recordings, self._read(root, self.test_packs, test)
        held_out = self._read(root, (self.held_out,), "all")
        return recordings.leave_out(set(held_out.groups)), held_out

    def _read(self, root, packs, split, bring_down=True):
        return read_recordings(root, packs, split, self.rate, self.least_rate, bring_down)

    def estimator(self, **changes):
        """Return the model, unfitted."""
        training = {
            "patch_length": self.patch_length,
            "batch_size": 16,
            "learning_rate": self.learning_rate,
            "learning_rate_schedule": "cosine",
            "max_epochs": self.epochs,
            "validation_fraction": 0.0,  # the rate has fallen when the last epoch ends
            "sampling_rate": self.rate,
            "random_state": 0,
            "verbose": 1,
        }
        network = SpectralNet(
            expansion=self.expansion,
            frame_length=self.frame_length,
            dropout=self.dropout,
            channel_noise=self.channel_noise,
        )
        return AudioSuperResolver(network, **{**training, **changes})


_SPEECH = {
    # without speech_single: six minutes of its speaker, at a higher rate, are enough
    "packs": ("speech_multi", "speech_fullband"),
    "test_packs": ("speech_multi",),
    "varied_share": 0.75,
    "random_filter_share": 0.3,
    "damaged_share": 0.35,
    "warped_share": 0.5,
    "edged_share": 0.6,
    "fuller_edged_share": 0.85,
    "repeated": ("speech_fullband/vctk",),  # a minute of few studio voices
    "n_repeats": 3,
}
# the blocks of the model that it begins with have heard the same voices
_SPEECH_OF_ANOTHER = {
    **_SPEECH,
    "begin_with": "speech-4x-16k",
    "learning_rate": 2e-3,
    "correction_filter_share": 0.35,
}
_PIANO = {"packs": ("piano",), "test_packs": ("piano",), "random_filter_share": 0.0}
_MUSIC = {
    "packs": ("music",),
    "test_packs": ("music",),
    "n_copies": 6,
    "random_filter_share": 0.0,
    "frame_length": 1764,
    "expansion": 2.1,
    "patch_length": 44100,
}
# measured but not shipped: eight minutes, mostly of one speaker
_FULLBAND = {
    "packs": ("speech_fullband/pm", "speech_fullband/vctk_nwm"),
    "test_packs": ("speech_fullband/vctk_p234",),
    "splits": ("all", "all"),
    "least_rate": 44100,
    "n_copies": 6,
    "random_filter_share": 0.0,
    "expansion": 1.9,
}

RECIPES = {
    "speech-2x-16k": Recipe(
        16000,
        2,
        n_copies=8,
        learning_rate=2e-3,
        begin_with="speech-2x-16k",
        start_share=0.3,
        end_db=-6.0,
        correction_filter_share=0.5,
        **{**_SPEECH, "damaged_share": 0.25},
    ),
    "speech-3x-16k": Recipe(16000, 3, **_SPEECH_OF_ANOTHER),
    "speech-4x-16k": Recipe(
        16000,
        4,
        n_copies=7,
        learning_rate=2e-3,
        begin_with="speech-4x-16k",
        start_share=0.6,
        highband_db=0.5,
        end_db=-2.0,
        correction_filter_share=0.35,
        **{**_SPEECH, "edged_share": 0.45},  # most test speakers of speech_multi have theirs
    ),
    "speech-6x-16k": Recipe(16000, 6, end_db=-4.0, **_SPEECH_OF_ANOTHER),
    "speech-8x-16k": Recipe(16000, 8, **_SPEECH_OF_ANOTHER),
    "piano-2x-16k": Recipe(16000, 2, **_PIANO),
    "piano-4x-16k": Recipe(16000, 4, **_PIANO),
    "music-2x-44k": Recipe(44100, 2, **_MUSIC),
    "music-4x-44k": Recipe(44100, 4, **_MUSIC),
    "fullband-2x-24k": Recipe(24000, 2, frame_length=1152, patch_length=28800, **_FULLBAND),
    "fullband-2x-32k": Recipe(32000, 2, frame_length=1408, patch_length=35200, **_FULLBAND),
    "fullband-2x-48k": Recipe(48000, 2, frame_length=1920, patch_length=48000, **_FULLBAND),
}
