"""What all estimators share: containers in and out, and the score."""

from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_audiosr._clips import Clips, check_pairs
from sklearn_audiosr.metrics import signal_to_noise_ratio


class BaseUpsampler(RegressorMixin, BaseEstimator):
    """Base of estimators from narrowband to wideband clips.

    A subclass learns ``upsampling_ratio_`` and whatever else in ``fit`` and upsamples one clip of
    shape (n_channels, n_timepoints) in ``_upsample_clip``.
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags

    def predict(self, X):
        """Upsample narrowband clips.

        Parameters
        ----------
        X : container of narrowband clips
            A 2-D array (n_clips, n_timepoints), a 3-D array (n_clips, n_channels, n_timepoints) or
            a sequence of clips of any lengths from 1 timepoint; a lazy sequence is read clip by
            clip.

        Returns
        -------
        Y : container of wideband clips
            The same kind of container, float32, each clip exactly ``upsampling_ratio_`` times as
            long: ``Y[i][r * t]`` is the instant of ``X[i][t]``.

        Raises
        ------
        ValueError
            If a clip is empty, or holds NaN or infinity.
        """
        check_is_fitted(self)
        clips = Clips(X, "X")
        return clips.collect(self._upsample(clips))

    def _upsample(self, clips):
        """Yield the wideband clip of each narrowband clip."""
        for clip in clips:
            yield self._upsample_clip(clip)

    def score(self, X, Y, sample_weight=None):
        """Mean signal-to-noise ratio in dB over clips: higher is better.

        Parameters
        ----------
        X, Y : containers of clips
            Narrowband sources and wideband targets.
        sample_weight : array-like of shape (n_clips,), default=None
            Weights of the clips.

        Returns
        -------
        snr : float
            See `sklearn_audiosr.metrics.signal_to_noise_ratio`.
        """
        check_is_fitted(self)
        check_pairs(X, Y, upsampling_ratio=self.upsampling_ratio_)
        return signal_to_noise_ratio(Y, self.predict(X), sample_weight=sample_weight)
