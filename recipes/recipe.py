"""What the trained models are made of: `train_pretrained.py` makes them."""

from dataclasses import dataclass

from recipes.splits import read_recordings
from sklearn_audiosr import AudioSuperResolver
from sklearn_audiosr.networks import SpectralNet


@dataclass(frozen=True)
class Recipe:
    """What a model is made of.

    Attributes
    ----------
    rate, ratio : int
        Wideband rate in Hz, and upsampling ratio.
    packs, test_packs : tuple of str
        Packs to train on, and to score on; or what the paths of recordings begin with.
    splits : tuple of str
        Which of theirs: "train" and "test", or "all" where the packs differ.
    held_out : str or None
        What the paths of recordings begin with to score on instead: neither they nor others of
        their speakers are trained on.
    least_rate : int or None
        Recordings of at least this rate are taken for such of `rate`.
    n_copies : int
        Variations of the recordings, themselves among them.
    epochs : int
        Passes over all of them.
    learning_rate : float
        The highest: lower where much has been learned.
    frame_length, expansion, dropout, channel_noise : int or float
        Of the network: a file of half precision must stay below 8 MB.
    patch_length : int
        Wideband timepoints.
    begin_with : str or None
        A model of the same rate and sizes whose network it begins with: of another ratio, its own
        last version, or of the file of that name.
    start_share : float
        How much of the weights it began with it keeps, where those have heard more: worse by as
        little on the speakers of the test, better on other recordings (M. Wortsman et al., "Robust
        fine-tuning of zero-shot models", CVPR 2022).
    varied_share, random_filter_share : float
        How many clips have their voice, microphone, level and floor varied (those of a higher rate
        always have), and how many are decimated by a filter that is drawn at random, half of them
        by a resampler's; of damaged ones see `augment`.
    damaged_share, warped_share : float
        How many narrowband clips have gone through a codec or a telephone line, or got noise, and
        how many of the varied clips have their formants moved; also when the correction of the
        lowband is solved for.
    edged_share : float
        How many of the varied clips lose the end of their band, from 0.94 of it on, as behind a
        resampler. The more, the better the model is on recordings that were resampled, and the
        worse on those that were not.
    fuller_edged_share : float
        The same of recordings of a higher rate, which are varied always.
    repeated, n_repeats : tuple of str, int
        What the paths of recordings begin with that are few, and how often each variation has
        them; where they are varied, always otherwise.
    highband_db, end_db : float
        By how much louder than it has learned the model generates the highband, and the end of the
        band: see `_levels`.
    n_settling_copies : int
        Variations that the correction of the lowband is solved for on, after those before.
    settling_filter_share : float
        As `random_filter_share`, when the correction of the lowband is solved for: with few, it is
        best behind the paper's filter, and boosts the end of the band where another one did not
        lower it.
    """

    rate: int
    ratio: int
    packs: tuple
    test_packs: tuple
    splits: tuple = ("train", "test")
    held_out: str | None = None
    least_rate: int | None = None
    n_copies: int = 4
    epochs: int = 1  # a copy that is heard again is learned by heart
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
    n_settling_copies: int = 4
    settling_filter_share: float = 0.0

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
        """Give the model, unfitted."""
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
    # of speech_single's speaker six minutes at a higher rate will do
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
# its blocks hear the same voices
_SPEECH_OF_ANOTHER = {
    **_SPEECH,
    "begin_with": "speech-4x-16k",
    "learning_rate": 2e-3,
    "settling_filter_share": 0.35,
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
# measured, not shipped: eight minutes, mostly of one speaker
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
        settling_filter_share=0.5,
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
        settling_filter_share=0.35,
        **{**_SPEECH, "edged_share": 0.45},  # of speech_multi's test speakers most have theirs
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
