"""What readers of files, torch and data sets return in place of a clip: taken, or told how."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch

from sklearn_audiosr import LinearUpsampler, SplineUpsampler, effective_bandwidth
from sklearn_audiosr._clips import Clips
from sklearn_audiosr.augmentation import ChangeLevel
from sklearn_audiosr.degradation import Decimator, ideal_lowband
from sklearn_audiosr.listening import integrated_loudness
from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio


def noise(*shape):
    return np.random.default_rng(0).uniform(-0.9, 0.9, shape)


def pcm(dtype):
    return np.arange(64, dtype=dtype)


def spline():
    return SplineUpsampler().fit(np.zeros((1, 4)), np.zeros((1, 8)))


# Every public way in: how it calls the first of two clips, and itself.
WAYS_IN = {
    "predict": (r"X\[0\]", lambda clip: spline().predict([clip, noise(64)])),
    "fit": (r"Y\[0\]", lambda clip: SplineUpsampler().fit([noise(32)], [clip])),
    "metric": (r"y_true\[0\]", lambda clip: log_spectral_distance([clip], [noise(64)])),
    "degradation": (r"Y\[0\]", lambda clip: Decimator(2).transform([clip, noise(64)])),
    "lowband": (r"clips\[0\]", lambda clip: ideal_lowband([clip, noise(64)], 2)),
    "bandwidth": (r"clips\[0\]", lambda clip: effective_bandwidth([clip], 16000)),
    "augmentation": (r"Y\[0\]", lambda clip: ChangeLevel(random_state=0).fit_transform([clip])),
    "loudness": ("clip", lambda clip: integrated_loudness(clip, 16000)),
    "stream": ("chunk", lambda clip: spline().stream().push(clip)),
}

REFUSED = {
    "path": (lambda: Path("a.wav"), TypeError, "must be an array of numbers, got text: read the"),
    "text": (lambda: "a.wav", TypeError, "must be an array of numbers, got text: read the"),
    "dict": (
        lambda: {"array": noise(64), "sampling_rate": 16000},
        TypeError,
        r"must be .*, got a dict with the keys array, sampling_rate: pass .*, x\['array'\]",
    ),
    "soundfile": (
        lambda: (noise(64), 16000),
        ValueError,
        r"must be .*, got audio and a number, 16000, as .*: pass the audio alone, x, or x\.T",
    ),
    "scipy": (lambda: (16000, noise(64)), ValueError, "must be .*, got audio and a number, 16000"),
    "torchaudio": (
        lambda: (torch.zeros(2, 64), np.int64(44100)),
        ValueError,
        "must be .*, got audio and a number, 44100",
    ),
    "masked_channels": (
        lambda: [np.ma.masked_less(noise(64), 0), noise(64)],
        TypeError,
        r"\[0\] must be a plain array, got a masked one: fill it, x\.filled\(0\)",
    ),
    "masked_second_channel": (
        lambda: [list(noise(64)), np.ma.masked_less(noise(64), 0)],
        TypeError,
        r"\[1\] must be a plain array, got a masked one",
    ),
    "channels_of_two_types": (
        lambda: [pcm(np.int16), noise(64)],
        TypeError,
        "must have channels of one type .*, got float64 and int16: convert all to floats",
    ),
    "tensors_of_two_types": (
        lambda: [torch.tensor(pcm(np.int16)), torch.tensor(pcm(np.int32))],
        TypeError,
        "must have channels of one type .*, got int16 and int32",
    ),
    "unsigned_beside_floats": (
        lambda: [list(noise(64)), pcm(np.uint8), noise(64)],
        TypeError,
        "must have channels of one type .*, got float64 and uint8",
    ),
    "path_as_channel": (
        lambda: [noise(64), Path("a.wav")],
        TypeError,
        r"\[1\] must be an array of numbers, got text",
    ),
    "meta_tensor": (
        lambda: torch.zeros(64, device="meta"),
        TypeError,
        "must be .*NumPy can't make one of this Tensor: it lies on the device 'meta', without",
    ),
    "sparse_tensor": (lambda: torch.zeros(64).to_sparse(), TypeError, r"pass x\.to_dense\(\)\.$"),
    "sparse_channels": (
        lambda: [torch.zeros(64).to_sparse()] * 2,
        TypeError,
        r"\[0\] must be an array of numbers.* pass x\.to_dense\(\)\.$",
    ),
    "meta_channels": (
        lambda: [torch.zeros(64, device="meta")] * 2,
        TypeError,
        r"\[0\] must be an array of numbers.* make it on another device",
    ),
    "quantized": (
        lambda: torch.quantize_per_tensor(torch.zeros(64), 0.1, 0, torch.qint8),
        TypeError,
        r"pass x\.dequantize\(\)",
    ),
    "nested_tensor": (
        lambda: torch.nested.nested_tensor([torch.zeros(64), torch.zeros(32)]),
        TypeError,
        r"pass a list of its parts, list\(x\.unbind\(\)\)",
    ),
    "sparse_matrix": (
        lambda: scipy.sparse.csr_array(np.eye(2)),
        TypeError,
        r"pass x\.toarray\(\)",
    ),
    "complex_half": (
        lambda: torch.zeros(64, dtype=torch.complex32),
        TypeError,
        r"must be .*NumPy can't make one of this Tensor",
    ),
    "broken": (lambda: Broken(), TypeError, r"must be .* of this Broken \('out of reach'\)"),
    "numeric_text": (
        lambda: np.array(["0.5"] * 64, object),
        ValueError,
        "must hold numbers only: got text, '0.5'",
    ),
    "huge_integer": (lambda: [10**400] * 64, ValueError, "must hold numbers that float64 can hold"),
}


class Broken:
    """An array of somebody else's that fails in its own way."""

    def __len__(self):
        return 64

    def __array__(self, dtype=None, copy=None):
        raise KeyError("out of reach")


@pytest.mark.parametrize("way", WAYS_IN)
@pytest.mark.parametrize("case", REFUSED)
def test_clip_that_is_none(case, way):
    make, kind, message = REFUSED[case]
    name, enter = WAYS_IN[way]
    with pytest.raises(kind, match=f"^{name}.*{message}"):
        enter(make())


TAKEN = {
    "requires_grad": lambda x: torch.tensor(x, requires_grad=True),
    "result_of_a_network": lambda x: torch.nn.Identity()(torch.tensor(x, requires_grad=True)) * 1,
    "bfloat16": lambda x: torch.tensor(x, dtype=torch.bfloat16),
    "bfloat16_requires_grad": lambda x: torch.tensor(x, dtype=torch.bfloat16, requires_grad=True),
    "half": lambda x: torch.tensor(x, dtype=torch.float16),
    "negative_view": lambda x: torch.complex(torch.zeros(64), -torch.tensor(x).float()).conj().imag,
    "parameter": lambda x: torch.nn.Parameter(torch.tensor(x)),
    "decimals": lambda x: [Decimal(float(value)) for value in x],
    "series": pd.Series,
    "nullable": lambda x: pd.array(x, "Float64"),
}


@pytest.mark.parametrize("way", WAYS_IN)
@pytest.mark.parametrize("case", TAKEN)
def test_clip_that_is_unambiguous(case, way):
    """Sixteenths below 1 fit every type, so that results are equal."""
    x = np.round(16 * noise(64)) / 16
    results = [WAYS_IN[way][1](clip) for clip in (x, TAKEN[case](x))]
    if way != "fit":
        for expected, result in zip(*map(list_of, results), strict=True):
            np.testing.assert_array_equal(result, expected)


def list_of(result):
    return [result] if np.ndim(result) == 0 else list(result)


INTEGERS = {
    "frame": lambda x: pd.DataFrame(x),
    "nullable_frame": lambda x: pd.DataFrame(x).astype("Int16"),
    "nullable_series": lambda x: [pd.Series(clip).astype("Int16") for clip in x],
    "objects": lambda x: [np.array(list(clip), dtype=object) for clip in x],
    "objects_in_channels": lambda x: [[list(clip)] for clip in x],
    "channels": lambda x: [[clip] for clip in x],
}


@pytest.mark.parametrize("case", INTEGERS)
def test_integers_of_16_bits_are_pcm_in_whatever_holds_them(case):
    x = (2**15 * noise(2, 64)).astype(np.int16)
    results = spline().predict(INTEGERS[case](x))
    for result, expected in zip(results, spline().predict(x / 2**15), strict=True):
        np.testing.assert_allclose(np.ravel(result), expected, atol=1e-6)


@pytest.mark.parametrize("value", [2, 2**63, 2**64, 2**100])
def test_plain_integers_are_no_pcm_whatever_their_size(value):
    for clip in ([value] * 64, np.array([value] * 64, dtype=object)):
        with pytest.warns(UserWarning, match=r"X\[0\] holds 64-bit integers up to \d+, taken as"):
            (result,) = spline().predict([clip])
        assert result[64] == pytest.approx(value, rel=1e-6)


def test_channels_of_plain_integers_and_of_floats():
    (result,) = spline().predict([[[0] * 64, noise(64), noise(64).astype(np.float32)]])
    assert np.abs(result[0]).max() == 0
    np.testing.assert_allclose(result[1], result[2], atol=1e-6)


def test_tensors_as_channels_and_as_containers():
    x = torch.tensor(np.round(16 * noise(2, 64)) / 16, dtype=torch.bfloat16, requires_grad=True)
    expected = x.detach().float().numpy()
    assert np.array_equal(Clips([[x[0], x[1]]], "X")[0], expected)
    assert np.array_equal(np.stack([clip[0] for clip in Clips(x, "X")]), expected)
    assert spline().predict(x).shape == (2, 128)
    assert x.requires_grad


@pytest.mark.parametrize("make", [list, tuple])
def test_container_that_is_audio_with_its_rate(make):
    for pair in ((noise(64), 16000), (16000, noise(64, 2))):
        message = (
            r"^X must be a 2-D array .*, got audio and a number, 16000, as soundfile\.read returns "
            r"them: pass a list that holds the audio alone, \[x\], or \[x\.T\] if it has channels"
        )
        with pytest.raises(ValueError, match=message):
            spline().predict(make(pair))


def test_container_that_is_one_row_of_a_data_set():
    row = {"array": noise(64), "sampling_rate": 16000}
    with pytest.raises(
        TypeError, match=r"^X must be .*, got dict with the key 'array': pass a list"
    ):
        spline().predict(row)


def test_what_is_no_audio_at_all_is_named_by_its_type():
    with pytest.raises(ValueError, match=r"^X\[1\] must be a clip .*, got shape \(\) \(object\): "):
        spline().predict([noise(64), object()])


def test_weights_of_tensors_that_require_gradients():
    Y = noise(2, 64)
    weights = torch.tensor([1.0, 3.0], requires_grad=True)
    plain = signal_to_noise_ratio(Y, 0.9 * Y, sample_weight=[1.0, 3.0])
    assert signal_to_noise_ratio(Y, 0.9 * Y, sample_weight=weights) == plain
    with pytest.raises(ValueError, match="sample_weight must hold one finite weight"):
        signal_to_noise_ratio(Y, Y, sample_weight=[[1], [1, 2]])


def test_a_warning_names_the_line_of_the_caller():
    with pytest.warns(UserWarning, match="64-bit integers") as log:
        spline().predict([np.arange(64)])
    assert log[0].filename == __file__


def test_weights_that_are_too_large_are_blamed_and_not_the_clip():
    est = LinearUpsampler(n_taps=9).fit(noise(3, 64), noise(3, 128))
    est.coef_ = np.full_like(est.coef_, 3e38)
    with pytest.raises(ValueError, match=r"X\[0\] .* a peak of 0.\d+: the estimator's weights"):
        est.predict(noise(1, 64))
