"""Containers of clips: what goes in and comes out, and every error on the way."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from containers import object_array

from sklearn_audiosr import LinearUpsampler, SplineUpsampler
from sklearn_audiosr._clips import Clips
from sklearn_audiosr._pairs import check_groups, check_pairs
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio


class Folder:
    """A lazy sequence that remembers which clips were read."""

    def __init__(self, clips):
        self.clips, self.reads = clips, []

    def __len__(self):
        return len(self.clips)

    def __getitem__(self, index):
        self.reads.append(index)
        return self.clips[index]


def noise(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-0.9, 0.9, shape)


def ragged():
    """Clips of several lengths, mono and stereo."""
    return [noise(8), noise(2, 5), noise(1), noise(1, 12)]


def spline(ratio=2):
    return SplineUpsampler().fit(np.zeros((1, 4)), np.zeros((1, 4 * ratio)))


@pytest.fixture
def read_only(tmp_path):
    noise(3, 8).astype(np.float32).tofile(tmp_path / "clips.f32")
    return np.memmap(tmp_path / "clips.f32", dtype=np.float32, mode="r", shape=(3, 8))


# Containers in and out


@pytest.mark.parametrize("shape", [(3, 8), (1, 1), (3, 2, 8), (3, 1, 8)])
def test_array_gives_array(shape):
    X = noise(*shape)
    Y = spline().predict(X)
    assert type(Y) is np.ndarray
    assert Y.shape == (*shape[:-1], 2 * shape[-1])
    assert Y.dtype == np.float32
    assert np.array_equal(Y[..., ::2], X.astype(np.float32))


@pytest.mark.parametrize(
    ("make", "kind"),
    [(list, list), (tuple, tuple), (object_array, np.ndarray), (Folder, list), (pd.Series, None)],
)
def test_sequence_gives_its_kind(make, kind):
    clips = ragged()
    Y = spline(3).predict(make(clips))
    assert isinstance(Y, kind or np.ndarray)
    assert len(Y) == len(clips)
    if isinstance(Y, np.ndarray):
        assert Y.dtype == object
    for x, y in zip(clips, Y, strict=True):
        assert y.dtype == np.float32
        assert y.shape == (*x.shape[:-1], 3 * x.shape[-1])
        assert np.array_equal(y[..., ::3], x.astype(np.float32))


@pytest.mark.parametrize("make", [pd.DataFrame, torch.from_numpy, np.asfortranarray])
def test_whatever_has_array_is_an_array(make):
    X = noise(3, 8)
    Y = spline().predict(make(X))
    assert type(Y) is np.ndarray
    assert np.array_equal(Y, spline().predict(X))


def test_lists_of_lists_and_of_tensors():
    expected = spline().predict([noise(8), noise(2, 5)])
    for make in (np.ndarray.tolist, torch.from_numpy):
        for y, y_expected in zip(
            spline().predict([make(noise(8)), make(noise(2, 5))]), expected, strict=True
        ):
            assert np.array_equal(y, y_expected)


def test_read_only_memmap(read_only):
    Y = spline().fit(read_only, np.repeat(read_only, 2, axis=1)).predict(read_only)
    assert np.array_equal(Y[:, ::2], read_only)
    assert spline().predict(list(read_only))[0].flags.writeable


def test_lazy_sequence_is_read_when_asked():
    folder = Folder(ragged())
    clips = Clips(folder, "X")
    assert folder.reads == []
    reads = [tuple(folder.reads) for _ in clips]
    assert reads == [(0,), (0, 1), (0, 1, 2), (0, 1, 2, 3)]


@pytest.mark.parametrize(
    "container", [ragged(), Folder(ragged()), object_array(ragged()), noise(3, 7), noise(3, 2, 7)]
)
def test_shapes_are_those_of_the_clips(container):
    clips = Clips(container, "X")
    shapes = [clips.shape_of(i) for i in range(len(clips))]
    assert shapes == [clip.shape for clip in clips]


def test_shape_of_a_lazy_clip_is_not_read_again():
    folder = Folder(ragged())
    clips = Clips(folder, "X")
    assert len(clips[1]) == 2
    assert [clips.shape_of(i) for i in (1, 3, 3)] == [(2, 5), (1, 12), (1, 12)]
    assert folder.reads == [1, 3]


@pytest.mark.parametrize("act", [spline().predict, Decimator(2, filter="none").transform])
def test_lazy_sequence_is_read_once(act):
    folder = Folder([noise(8), noise(2, 6)])
    act(folder)
    assert folder.reads == [0, 1]


def test_results_hold_memory_of_their_own():
    X = [noise(8).astype(np.float32)]
    for results in (spline().predict(X), Decimator(2, filter="none").transform(X)):
        assert not np.shares_memory(X[0], results[0])


def test_callers_arrays_stay_as_they_are():
    X, Y = [noise(40), noise(2, 30)], [noise(80, seed=1), noise(2, 60, seed=2)]
    before = [clip.copy() for clip in X + Y]
    for estimator in (SplineUpsampler(), LinearUpsampler(n_taps=5)):
        estimator.fit(X, Y).score(X, Y)
    Decimator(2).fit_transform(Y)
    log_spectral_distance(Y, estimator.predict(X))
    assert all(map(np.array_equal, before, X + Y))
    assert all(clip.dtype == np.float64 for clip in X + Y)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_floats_are_cast(dtype):
    x = noise(8).astype(dtype)
    assert np.array_equal(Clips([x], "X")[0][0], x.astype(np.float32))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.int64, bool])
def test_other_numbers_are_cast_unscaled(dtype):
    clip = Clips(np.array([[0, 1, 1]], dtype=dtype), "X")[0]
    assert clip.dtype == np.float32
    assert clip.tolist() == [[0, 1, 1]]


@pytest.mark.parametrize("make", [np.int64, list, pd.DataFrame])
def test_64_bit_integers_that_may_be_pcm_are_told(make):
    numbers = [[0, -(2**15), 5]]
    X = np.array(numbers) if make is np.int64 else make(numbers)
    with pytest.warns(UserWarning, match=r"^X.* holds 64-bit integers up to 32768, .* x / 2\*\*15"):
        clip = Clips(X, "X")[0]
    assert clip.tolist() == [[0, -(2**15), 5]]


@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("bits", [16, 32, 64])
def test_unsigned_integers_are_refused(bits, as_list):
    X = np.ones((2, 3), f"u{bits // 8}")
    message = rf"^X(\[0\])? must not be unsigned {bits}-bit: that is offset PCM.* Convert it with"
    with pytest.raises(ValueError, match=message):
        Clips(list(X) if as_list else X, "X")


def test_the_formula_for_unsigned_integers_is_right():
    x, message = np.array([0, 2**15, 2**16 - 1], np.uint16), ""
    try:
        Clips([x], "X")
    except ValueError as error:
        message = str(error)
    formula = message.rpartition("Convert it with ")[2].rstrip(".")
    assert eval(formula, {"x": x}).tolist() == [-1, 0, 1 - 2**-15]


@pytest.mark.parametrize("make", [list, lambda x: [list(x)] * 2, lambda x: [x, x], torch.tensor])
def test_pcm_inside_lists_and_tensors_is_scaled(make):
    x = np.array([0, 16384, -32768], np.int16)
    assert np.atleast_2d(Clips([make(x)], "X")[0])[-1].tolist() == [0, 0.5, -1]


@pytest.mark.parametrize("dtype", ["i1", "<i2", ">i2", "<i4", ">i4"])
@pytest.mark.parametrize("as_list", [False, True])
def test_signed_pcm_is_scaled(dtype, as_list):
    full = 2 ** (8 * np.dtype(dtype).itemsize - 1)
    X = np.array([[-full, -full // 2, 0, full // 4, full - 1]], dtype=dtype)
    clip = Clips(list(X) if as_list else X, "X", np.float64)[0][0]
    assert clip.tolist() == [-1, -0.5, 0, 0.25, (full - 1) / full]


def test_pcm_is_scaled_in_pairs_and_degradations():
    X, Y = (noise(2, 8) * 2**15).astype(np.int16), (noise(2, 16) * 2**15).astype(np.int16)
    assert np.abs(spline().fit(X, Y).predict(X)[:, ::2] - X / 2**15).max() == 0
    assert np.array_equal(Decimator(2, filter="none").transform(Y), Y[:, ::2] / 2**15)


# Errors: parameter, index, need, what was given, remedy

CONTAINERS = r"must be a 2-D array \(n_clips, n_timepoints\), a 3-D array .* or a sequence of clips"
CLIP = r"must be a clip of shape \(n_timepoints,\) or \(n_channels, n_timepoints\)"
ONE_CLIP = CONTAINERS + r", got numbers of shape \({}\): .* pass a list that holds it, \[x\]"
FINITE = r"must be finite in float(32|64), got {}: replace NaN and infinity \(numpy.nan_to_num\)"
EMPTY = "must hold at least 1 clip, got an empty container: give a 2-D array"
NAN, INF = np.array([0, 0, 0, np.nan]), np.array([[0, 0], [0, -np.inf]])

BAD_CONTAINERS = {
    "nan": ([noise(2), NAN], r"\[1\] " + FINITE.format("NaN at timepoint 3")),
    "nan_2d": (np.stack([0 * NAN[::-1], NAN])[1:], r"\[0\] " + FINITE.format("NaN at .*")),
    "nan_3d": (np.stack([noise(2, 4), [NAN, NAN]]), r"\[1\] " + FINITE.format("NaN at .* 3")),
    "inf": ((INF,), r"\[0\] " + FINITE.format(r"-inf \(given: -inf\) at timepoint 1")),
    "inf_2d": (INF, r"\[1\] " + FINITE.format(r"-inf \(given: -inf\) at timepoint 1")),
    "empty_clip": ([noise(2), []], r"\[1\] must have at least 1 timepoint, got .*: leave it"),
    "no_channels": ([np.ones((0, 4))], r"\[0\] must have at least 1 .*, got .*: leave"),
    "no_timepoints": (np.ones((2, 0)), " must have clips of at least 1 timepoint, got 0"),
    "empty_list": ([], f" {EMPTY}"),
    "empty_tuple": ((), f" {EMPTY}"),
    "empty_array": (np.ones((0, 4)), f" {EMPTY}"),
    "empty_lazy": (Folder([]), f" {EMPTY}"),
    "complex": ([noise(2), noise(2) + 1j], r"\[1\] .*Complex data not supported: pass the"),
    "complex_2d": (noise(2, 2) + 1j, " .*Complex data not supported: pass the real part"),
    "one_waveform": (noise(4), " " + ONE_CLIP.format("4,")),
    "numbers": ([0.5, 1], " " + ONE_CLIP.format("2,")),
    "tuple_of_numbers": ((np.float32(1), 2), " " + ONE_CLIP.format("2,")),
    "series_of_numbers": (pd.Series([0.5, 1]), " " + ONE_CLIP.format("2,")),
    "zero_d": (np.array(0.5), " " + ONE_CLIP.format("")),
    "four_d": (np.ones((1, 1, 1, 4)), r" must be a 2-D array .* got .*\(1, 1, 1, 4\)"),
    "scalars_in_lazy": (Folder([0.5, 1]), rf"\[0\] {CLIP}, got shape \(\)"),
    "three_d_clip": ([noise(1, 2, 8)], rf"\[0\] {CLIP}, got shape \(1, 2, 8\): pass one"),
    "none_in_list": ([noise(2), None], rf"\[1\] {CLIP}, got shape \(\)"),
    "timepoints_first": ([noise(65, 2)], r"\[0\] must have at most 64 channels, got 65.*x\.T"),
    "timepoints_first_3d": (noise(1, 65, 2), r" must have at most 64 channels, got 65.*transp"),
    "ragged_rows": ([[[1.0, 2.0], [1.0]]], rf"\[0\] {CLIP}, got rows of unequal .*: cut all"),
    "uint8": (np.ones((1, 4), np.uint8), r" must not be unsigned 8-bit: .* - 128\) / 128"),
    "uint8_list": ([np.ones(4, np.uint8)], r"\[0\] must not be unsigned 8-bit: that is offset"),
    "text": ("clip.wav", f" {CONTAINERS}, got str: read sound files with soundfile.read"),
    "bytes": (b"RIFF", f" {CONTAINERS}, got bytes: read sound files"),
    "paths": (["a.wav", "b.wav"], r"\[0\] must be an array of numbers, got text: read the"),
    "path_array": (np.array(["a.wav"]), r"(\[0\])? must .*, got text: read"),
    "path_strings": (list(np.array(["a.wav"])), r"\[0\] must be an array of numbers, got text"),
    "text_2d": (np.array([["a", "b"]]), " must be an array of numbers, got text: read the file"),
    "dates": (np.zeros((1, 2), "M8[s]"), " must hold numbers, got dtype datetime64"),
    "masked": (np.ma.masked_less(np.ones((1, 4)), 0), f" {CONTAINERS}, got a masked .*: fill it"),
    "text_objects": (np.array([["a", 1.0]], object), " must hold numbers only: .*'a'"),
    "dict": ({0: [1.0]}, f" {CONTAINERS}, got dict: read"),
    "set": ({1.0}, f" {CONTAINERS}, got set: read"),
    "number": (0.5, f" {CONTAINERS}, got float: read"),
    "generator": ((c for c in ragged()), f" {CONTAINERS}, got generator: .* make a list of a"),
    "sparse": (scipy.sparse.csr_array(np.eye(2)), " .*sparse input is not supported, pass X.t"),
}

TYPES = ["text", "bytes", "paths", "path_array", "path_strings", "text_2d", "dates", "dict", "set"]
TYPES += ["number", "generator", "sparse", "masked"]
ENTRIES = {
    "X": lambda clips: spline().predict(clips),
    "Y": lambda clips: Decimator(2).transform(clips),
    "y_true": lambda clips: signal_to_noise_ratio(clips, [noise(2)] * 2),
}


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("case", BAD_CONTAINERS)
def test_bad_container(case, name):
    clips, message = BAD_CONTAINERS[case]
    with pytest.raises(TypeError if case in TYPES else ValueError, match=f"^{name}{message}"):
        ENTRIES[name](clips)


@pytest.mark.parametrize("make", [np.array, list])
def test_overflow_to_float32(make):
    with pytest.raises(ValueError, match=r"X\[1\] .*got inf \(given: 1e\+39\) at timepoint 2:"):
        spline().predict(make([[0.0, 0, 0], [0, 0, 1e39]]))


# Errors of pairs

BAD_PAIRS = {
    "wrong_length": ([9, 5, 7], [36, 20, 27], r"Y\[2\] must have 28 timepoints \(upsampling_ratio"
                     r"=4 times len\(X\[2\]\)=7\), got 27: cut wideband clips to a multiple"),
    "too_long": ([9, 5, 7], [36, 23, 28], r"Y\[1\] must have 20 timepoints .*, got 23: cut"),
    "n_clips": ([9, 5], [36, 20, 28], r"Y must hold as many clips as X \(2\), got 3: pass one"),
    "swapped": ([36, 20], [9, 5], r"Y must have .* at least 2, .* len\(X\[0\]\)=36 and "
                r"len\(Y\[0\]\)=9: pass narrowband clips as X and wideband clips as Y"),
    "equal": ([9], [9], r"at least 2, .*len\(X\[0\]\)=9 and len\(Y\[0\]\)=9: pass narrowband"),
    "fraction": ([10], [25], r"Y\[0\] must have 20 timepoints .*, got 25: cut wideband"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_PAIRS)
@pytest.mark.parametrize("make", [list, Folder])
def test_bad_pair(case, make):
    x_lengths, y_lengths, message = BAD_PAIRS[case]
    with pytest.raises(ValueError, match=message):
        spline().fit(make([noise(n) for n in x_lengths]), make([noise(n) for n in y_lengths]))


def test_bad_pair_at_score():
    with pytest.raises(
        ValueError, match=r"Y\[0\] must have 8 timepoints \(upsampling_ratio=2 .*12"
    ):
        spline(2).score(noise(1, 4), noise(1, 12))


def test_unequal_channels():
    with pytest.raises(
        ValueError, match=r"Y\[0\] must have as many channels as X\[0\] \(2\), got 1"
    ):
        check_pairs([noise(2, 4)], [noise(8)])


def test_missing_targets():
    with pytest.raises(ValueError, match=r"Y must hold .*, got None: .* Pass .* fit\(X, Y\)"):
        spline().fit(noise(1, 4), None)


@pytest.mark.parametrize("groups", [["a"], ["a"] * 4, [["a"], ["b"], ["c"]]])
def test_groups_of_wrong_length(groups):
    with pytest.raises(
        ValueError, match=r"groups must hold one label for each of the 3 clips, got"
    ):
        check_groups(groups, 3)


def test_groups_of_two_kinds():
    with pytest.raises(ValueError, match=r"groups must hold labels of one type, got \[None, 1"):
        check_groups([None, 1, "a"], 3)


@pytest.mark.parametrize(
    "weights",
    [[1, 2], [1, 2, 3, 4], [0, 0, 0], [1, -1, 1], [1, np.nan, 1], ["a", "b", "c"], [[1]] * 3],
)
def test_metric_of_unequal_numbers(weights):
    Y = noise(3, 8)
    with pytest.raises(ValueError, match=r"y_pred must .*3.*got 2"):
        signal_to_noise_ratio(Y, Y[:2])
    with pytest.raises(ValueError, match=r"sample_weight must .*3.*got"):
        signal_to_noise_ratio(Y, Y, sample_weight=weights)


def test_bad_clip_of_a_lazy_sequence_is_named_when_it_is_read():
    folder = Folder([noise(4), NAN])
    with pytest.raises(ValueError, match=r"^X\[1\] must be finite"):
        spline().predict(folder)


def test_channels_last_in_an_array_are_suspected():
    with pytest.warns(UserWarning, match=r"X holds 2000 clips of 2 timepoints.*\[x\.T\]"):
        spline().predict(noise(2000, 2))


@pytest.mark.parametrize(
    ("n_wideband", "said"),
    [(63, "cut wideband clips"), (88, "It is 5.5 times as long: .* resample")],
)
def test_remedy_for_a_wrong_length_is_cutting_or_resampling(n_wideband, said):
    pairs = [noise(16), noise(16)], [noise(64), noise(n_wideband)]
    with pytest.raises(ValueError, match=rf"^Y\[1\] must have 64 timepoints .* {said}"):
        SplineUpsampler().fit(*pairs)


def test_masked_arrays_are_refused_inside_a_list_too():
    clip = np.ma.masked_array(np.ones(9), mask=np.arange(9) > 4)
    with pytest.raises(TypeError, match=r"X\[1\] must be a plain array, got a masked one: fill it"):
        Clips([np.ones(9), clip], "X")
