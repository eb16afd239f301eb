"""scikit-learn's common checks on the augmentations, and what all of them share."""

import inspect
import pickle

import numpy as np
import pytest
from containers import Lazy, object_array
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from sklearn_audiosr import AudioSuperResolver, augmentation
from sklearn_audiosr.augmentation import (
    AddNoiseFloor,
    ChangeLevel,
    ChangeMicrophone,
    ChangeSpeed,
    CutBandEdge,
    RotatePhase,
    ShiftFormants,
)
from sklearn_audiosr.degradation import Decimator, trim_clips
from sklearn_audiosr.networks import AudioUNet

# With every parameter away from its default.
PARAMETERS = {
    AddNoiseFloor: {"levels_db": (-40, -20), "p": 0.9, "random_state": 1},
    ChangeLevel: {"gains_db": (-20, -10), "p": 0.9, "random_state": 1},
    ChangeMicrophone: {"spread_db": 5.0, "p": 0.9, "random_state": 1},
    ChangeSpeed: {
        "speeds": (1.1, 1.2), "sampling_rate": 1000, "target_rate": 800, "p": 0.9,
        "random_state": 1,
    },
    CutBandEdge: {"edges": (0.5, 0.7), "p": 0.9, "random_state": 1},
    RotatePhase: {"angles": (10, 90), "p": 0.9, "random_state": 1},
    ShiftFormants: {"factors": (1.1, 1.2), "sampling_rate": 1000, "p": 0.9, "random_state": 1},
}  # fmt: skip
KINDS = pytest.mark.parametrize("kind", PARAMETERS)

ANY_LENGTH = "clips of any length may be transformed, whatever the lengths at fit"
BY_INDEX = "the variation of a clip is that of its place in the container"
A_LIST = "a list of clips comes back as a list"
FAILING = {
    "check_transformer_data_not_an_array": A_LIST,
    "check_n_features_in": ANY_LENGTH,
    "check_n_features_in_after_fitting": ANY_LENGTH,
    "check_methods_sample_order_invariance": BY_INDEX,
    "check_methods_subset_invariance": BY_INDEX,
}


class CheckedSpeed(ChangeSpeed):
    """Of one speed, so that the results fit into the array that the checks expect."""

    def transform(self, Y):
        varied = super().transform(Y)
        return np.stack(varied) if hasattr(Y, "__array__") else varied


CHECKED = [
    CheckedSpeed(2.0) if kind is ChangeSpeed
    else kind(sampling_rate=1000) if kind is ShiftFormants
    else CutBandEdge((0.5, 0.7)) if kind is CutBandEdge else kind()
    for kind in PARAMETERS
]  # fmt: skip


def expected_failures(estimator):
    if isinstance(estimator, ChangeSpeed):  # of one speed
        return {name: why for name, why in FAILING.items() if why != BY_INDEX}
    return FAILING


@parametrize_with_checks(CHECKED, expected_failed_checks=expected_failures)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", CHECKED, ids=lambda e: type(e).__name__)
def test_no_tag_switches_the_checks_off(estimator):
    assert len(list(estimator_checks_generator(estimator))) >= 40


# Parameters and containers


def noise(*shape):
    return (0.1 * np.random.default_rng(0).standard_normal(shape)).astype(np.float32)


def vary_all(kind, **parameters):
    """Make an augmentation that varies every clip."""
    return kind(**{**PARAMETERS[kind], "p": 1, **parameters})


def test_every_augmentation_is_tested_here():
    assert {kind.__name__ for kind in PARAMETERS} == set(augmentation.__all__)


@KINDS
def test_clone_pickle_and_params(kind):
    parameters = PARAMETERS[kind]
    augmenter = kind(**parameters)
    assert clone(augmenter).get_params() == parameters
    assert list(inspect.signature(kind).parameters) == list(parameters)
    Y = list(noise(2, 600))
    restored = pickle.loads(pickle.dumps(augmenter))
    for a, b in zip(restored.transform(Y), augmenter.fit_transform(Y), strict=True):
        np.testing.assert_array_equal(a, b)


@KINDS
def test_containers_channels_and_lengths(kind):
    clips = [noise(700), noise(2, 650), noise(1, 1), noise(3)]
    augmenter = vary_all(kind)
    as_list = augmenter.fit_transform(clips)
    for container, back in [(tuple(clips), tuple), (Lazy(clips), list)]:
        varied = augmenter.transform(container)
        assert type(varied) is back
        for a, b in zip(varied, as_list, strict=True):
            np.testing.assert_array_equal(a, b)
    assert augmenter.transform(object_array(clips)).dtype == object
    for clip, varied in zip(clips, as_list, strict=True):
        assert varied.dtype == np.float32
        assert varied.shape[:-1] == clip.shape[:-1]
        assert varied.shape == clip.shape or kind is ChangeSpeed
    for array in (noise(3, 400), noise(3, 2, 400)):
        from_array, from_list = (augmenter.transform(Y) for Y in (array, list(array)))
        assert isinstance(from_array, list if kind is ChangeSpeed else np.ndarray)
        for a, b in zip(from_array, from_list, strict=True):
            np.testing.assert_array_equal(a, b)


@KINDS
def test_channels_are_varied_alike(kind):
    wave = noise(2000)
    (varied,) = vary_all(kind).transform([np.stack([wave, 0.5 * wave])])
    if kind is AddNoiseFloor:  # its own in each channel
        floors = varied - np.stack([wave, 0.5 * wave])
        assert floors[0].std() == pytest.approx(floors[1].std(), rel=0.1)
        assert abs(np.corrcoef(floors)[0, 1]) < 0.1
    else:
        np.testing.assert_allclose(varied[1], 0.5 * varied[0], atol=1e-6)


@KINDS
def test_clips_are_left_as_they_are_and_nan_is_refused(kind):
    Y = noise(2, 40)
    Y.setflags(write=False)
    before = Y.copy()
    for p in (0, 1):
        varied = vary_all(kind, p=p).fit_transform(list(Y))
        varied[0][:] = 7  # the result is no view of the clip
        np.testing.assert_array_equal(Y, before)
    for act in ("fit", "transform"):
        for bad, what in ((np.nan, "NaN"), (np.inf, "inf")):
            with pytest.raises(ValueError, match=rf"Y\[1\] must be finite in float32, got {what}"):
                getattr(vary_all(kind), act)([Y[0], np.array([0, bad])])


@pytest.mark.parametrize("level", [1e-30, 1e-6, 1e6, 1e30])
@pytest.mark.parametrize("kind", [kind for kind in PARAMETERS if kind is not AddNoiseFloor])
def test_any_level(kind, level):
    Y, augmenter = noise(2, 500).astype(float), vary_all(kind)
    for quiet, loud in zip(augmenter.transform(level * Y), augmenter.transform(Y), strict=True):
        np.testing.assert_allclose(quiet / level, loud, rtol=1e-4, atol=1e-5)


@KINDS
def test_silence_stays_silent_but_for_a_noise_floor(kind):
    (varied,) = vary_all(kind).transform([np.zeros(300)])
    assert varied.any() == (kind is AddNoiseFloor)


# Draws


@KINDS
def test_p_is_the_share_of_clips_that_are_varied(kind):
    rates = {"target_rate": None} if kind is ChangeSpeed else {}
    Y = [noise(60)] * 300

    def share(p):
        varied = kind(**{**PARAMETERS[kind], **rates, "p": p}).transform(Y)
        return np.mean([not np.array_equal(a, b) for a, b in zip(Y, varied, strict=True)])

    assert share(0) == 0
    assert share(1) == 1
    assert 0.2 < share(0.3) < 0.4


@KINDS
def test_an_integer_seed_repeats_and_the_index_decides(kind):
    augmenter, clip = vary_all(kind), noise(700)
    first = augmenter.fit_transform([clip] * 4)
    for again in (augmenter.transform([clip] * 4), clone(augmenter).transform(Lazy([clip] * 4))):
        for a, b in zip(first, again, strict=True):
            np.testing.assert_array_equal(a, b)
    # clip 3 has variation 3, whatever stands before it
    alone = augmenter.transform([np.zeros(7), np.ones(9), np.zeros((2, 5)), clip])[3]
    np.testing.assert_array_equal(alone, first[3])
    assert len({varied.tobytes() for varied in first}) == 4


@KINDS
@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_without_a_number_every_call_draws_others(kind, random_state):
    augmenter = vary_all(kind, random_state=random_state)
    calls = [augmenter.transform([noise(700)])[0].tobytes() for _ in range(2)]
    assert calls[0] != calls[1]


def test_steps_with_one_seed_draw_apart():
    """Quiet clips must not be those that are noisy."""
    silence, tone = [np.zeros(50)] * 200, [np.ones(50)] * 200
    noisy = AddNoiseFloor(p=0.5, random_state=0).transform(silence)
    quiet = ChangeLevel(-6, p=0.5, random_state=0).transform(tone)
    both = np.corrcoef([y.any() for y in noisy], [y[0] < 0.9 for y in quiet])[0, 1]
    assert abs(both) < 0.2


# Use


def test_a_pipeline_varies_recordings_from_which_a_model_learns():
    recordings = [noise(1500), noise(1201), noise(2, 999)]
    vary = make_pipeline(
        AddNoiseFloor(p=0.5, random_state=0),
        ShiftFormants(sampling_rate=16000, random_state=0),
        ChangeSpeed(random_state=0),
        ChangeMicrophone(random_state=0),
        ChangeLevel(random_state=0),
        RotatePhase(random_state=0),
        CutBandEdge(p=0.5, random_state=0),
    )
    varied = vary.fit_transform(recordings * 2)
    assert len({clip.tobytes() for clip in varied}) == 6
    Y = trim_clips(recordings + varied, 2)
    X = Decimator(2).transform(Y)
    network = AudioUNet(n_blocks=1, width=1 / 32, kernel_sizes=(5,))
    est = AudioSuperResolver(
        network, max_epochs=1, patch_length=256, validation_fraction=0, random_state=0
    ).fit(X, Y)
    assert [y.shape for y in est.predict(X)] == [y.shape for y in Y]


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (AddNoiseFloor, "levels_db", 201),
        (ChangeLevel, "gains_db", np.nan),
        (ChangeLevel, "gains_db", "6 dB"),
        (ChangeMicrophone, "spread_db", -1),
        (ChangeSpeed, "speeds", 0),
        (ChangeSpeed, "target_rate", 0),
        (CutBandEdge, "edges", 1.1),
        (RotatePhase, "angles", 361),
        (ShiftFormants, "factors", 3),
        (ShiftFormants, "sampling_rate", 100),
        *((kind, "p", 1.5) for kind in PARAMETERS),
        *((kind, "random_state", -1) for kind in PARAMETERS),
    ],
)
def test_parameters_are_checked(kind, name, value):
    for act in ("fit", "transform"):
        with pytest.raises(ValueError, match=f"The '{name}' parameter of {kind.__name__} must be"):
            getattr(vary_all(kind, **{name: value}), act)([noise(9)])


@pytest.mark.parametrize("pair", [(0.8, 0.7), (0.7, 0.8, 0.9), (), ("a", "b"), (0.7, np.nan)])
@pytest.mark.parametrize(
    ("kind", "name"),
    [(AddNoiseFloor, "levels_db"), (ChangeLevel, "gains_db"), (ChangeSpeed, "speeds"),
     (CutBandEdge, "edges"), (RotatePhase, "angles"), (ShiftFormants, "factors")],
)  # fmt: skip
def test_bad_ranges_are_named(kind, name, pair):
    message = rf"{name} must be a number or a pair \(lowest, highest\) in \[.*, .*\], got .*: pass"
    for act in ("fit", "transform"):
        with pytest.raises(ValueError, match=message):
            getattr(vary_all(kind, **{name: pair}), act)([noise(9)])


def test_rates_in_hz_are_asked_for():
    with pytest.raises(ValueError, match=r"sampling_rate must be given with target_rate=16000, g"):
        ChangeSpeed(target_rate=16000).fit([noise(9)])
    with pytest.raises(ValueError, match=r"sampling_rate must be the rate in Hz .*, got None"):
        ShiftFormants().transform([noise(9)])
