"""Make the stimuli of the paper's listening test, its Table 1."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

from sklearn.utils._param_validation import Interval

from sklearn_audiosr._clips import ClipsLike
from sklearn_audiosr._pairs import check_pairs
from sklearn_audiosr._validation import validated
from sklearn_audiosr.listening._stimuli import Stimuli, System, make_stimuli

_N_RECORDINGS, _UPSAMPLING_RATIO = 4, 4


@validated(
    {
        "Y": "no_validation",
        "X": "no_validation",
        "spline": "no_validation",
        "dnn": "no_validation",
        "network": "no_validation",
        "sampling_rate": [Interval(Integral, 1, None, closed="left")],
        "names": ["array-like", None],
    }
)
def make_table_1_stimuli(
    Y: ClipsLike,
    X: ClipsLike,
    *,
    spline: System,
    dnn: System,
    network: System,
    sampling_rate: int = 16000,
    names: Sequence[str] | None = None,
) -> Stimuli:
    """Make the stimuli of the listening test of Kuleshov et al. [1]_, their Table 1.

    Each of four recordings is played as hidden reference, narrowband (r = 4), restored by a spline,
    a dense network and a network, and as anchors.

    Parameters
    ----------
    Y : container of clips
        Four wideband recordings that no estimator was trained on; in the paper they are of four
        speakers of the multi-speaker test set.
    X : container of clips
        The same recordings, narrowband: ``Decimator(4).transform(Y)``.
    spline, dnn, network : estimator, callable or container of clips
        The systems to compare, fitted for r = 4: in the paper `SplineUpsampler`,
        `DNNBandwidthExtender` and `AudioSuperResolver`.
    sampling_rate : int, default=16000
        Rate of the wideband clips in Hz.
    names : array-like of str of shape (4,), default=None
        Names of the recordings; None numbers them.

    Returns
    -------
    stimuli : Stimuli
        See `make_stimuli`. Its systems are "hidden reference", "narrowband", "spline", "DNN",
        "network", "low anchor" and "mid anchor".

    Raises
    ------
    ValueError
        If there are not four recordings at r = 4, or for a reason that `make_stimuli` names.

    Notes
    -----
    The paper asked ten listeners and reports the averages 61.3 (network), 56.3 (DNN) and 35.3
    (spline), without intervals. It does not say how it played the narrowband recordings, nor which
    anchors it had. Here the narrowband recordings are resampled without images (see
    `make_stimuli`), and the anchors are those of Recommendation ITU-R BS.1534-3.

    References
    ----------
    .. [1] V. Kuleshov, S. Z. Enam and S. Ermon, "Audio Super Resolution using Neural Nets", 2017,
       section 4. https://arxiv.org/abs/1708.00853

    Examples
    --------
    >>> from sklearn_audiosr import LinearUpsampler, SplineUpsampler
    >>> from sklearn_audiosr.datasets import load_speech
    >>> from sklearn_audiosr.degradation import Decimator
    >>> from sklearn_audiosr.listening import make_table_1_stimuli
    >>> Y = load_speech().clips[:4]
    >>> X = Decimator(upsampling_ratio=4).transform(Y)
    >>> spline, linear = SplineUpsampler().fit(X, Y), LinearUpsampler().fit(X, Y)
    >>> stimuli = make_table_1_stimuli(Y, X, spline=spline, dnn=linear, network=linear)
    >>> len(stimuli.clips), len(stimuli.systems)
    (4, 7)
    """
    _, recordings, ratio = check_pairs(X, Y)
    if len(recordings) != _N_RECORDINGS or ratio != _UPSAMPLING_RATIO:
        raise ValueError(
            f"Y and X must be {_N_RECORDINGS} recordings at r = {_UPSAMPLING_RATIO}, got "
            f"{len(recordings)} at r = {ratio}: make_stimuli takes others."
        )
    return make_stimuli(
        {"spline": spline, "DNN": dnn, "network": network},
        Y,
        X,
        sampling_rate=sampling_rate,
        names=names,
        narrowband=True,
    )
