"""Files with a checksum that is right: every field and every array is checked all the same."""

import copy

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from model_files import X, content_of, fitted, put_together, sign, table_of, take_apart

from sklearn_audiosr import ModelFileError, load
from sklearn_audiosr._persistence.model_file import unpack_model


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


PARAMETERS = ("model", "parameters")
LEARNED = ("model", "learned")
NETWORK = (*PARAMETERS, "network")
NOISE = (*LEARNED, "noise_model_")
MISSING = object()

# kind, the place of a field, what stands there instead, and what the error names.
FIELDS = [
    ("spline", ("model",), None, "the model must be a dict|must hold one of"),
    ("spline", ("model",), MISSING, "must hold one of"),
    ("spline", ("model", "estimator"), "os.system", "must hold one of .*got 'os.system'"),
    ("spline", ("model", "estimator"), "BaseUpsampler", "must hold one of"),
    ("spline", ("model", "estimator"), "__import__", "must hold one of"),
    ("spline", ("model", "estimator"), ["SplineUpsampler"], "must hold one of"),
    ("spline", ("model", "estimator"), "LinearUpsampler", "the arrays must have coef_"),
    ("spline", ("model", "estimator"), "AudioSuperResolver", "learned must have .*got no "),
    ("spline", ("model", "more"), 1, "the model must have .*got more too"),
    ("spline", ("model", "card"), MISSING, "the model must have .*got no card"),
    ("spline", ("model", "card"), [1], r"card must be a dict or None, got \[1\]"),
    ("spline", ("model", "dtype"), "int8", "dtype must be 'float32' or 'float16', got 'int8'"),
    ("spline", ("model", "dtype"), [], "dtype must be"),
    ("spline", PARAMETERS, [], r"parameters of SplineUpsampler must be a dict, got \[\]"),
    ("spline", (*PARAMETERS, "sampling_rate"), -1, "sampling_rate"),
    ("spline", (*PARAMETERS, "sampling_rate"), "fast", "sampling_rate"),
    ("spline", (*PARAMETERS, "sampling_rate"), [16000], "sampling_rate"),
    ("spline", (*PARAMETERS, "more"), 1, "SplineUpsampler has no parameter more"),
    ("spline", LEARNED, {}, "learned must have upsampling_ratio_, got no upsampling_ratio_"),
    ("spline", LEARNED, None, "learned must be a dict"),
    ("spline", (*LEARNED, "predict"), 1, "got predict too"),
    ("spline", (*LEARNED, "upsampling_ratio_"), 1, "upsampling_ratio_ must be an integer from 2"),
    ("spline", (*LEARNED, "upsampling_ratio_"), 4.0, "upsampling_ratio_ must be an integer"),
    ("spline", (*LEARNED, "upsampling_ratio_"), True, "upsampling_ratio_ must be an integer"),
    ("spline", (*LEARNED, "upsampling_ratio_"), 10**9, "upsampling_ratio_ must be .* to 65536"),
    ("linear", (*LEARNED, "upsampling_ratio_"), 3, r"coef_ must have shape \(9, 3\) .*\(9, 4\)"),
    ("linear", (*PARAMETERS, "n_taps"), 8, r"coef_ must have shape \(8, 4\)"),
    ("linear", (*PARAMETERS, "n_taps"), 9.0, "n_taps"),
    ("linear", (*PARAMETERS, "alpha"), -1e-9, "alpha"),
    ("unet", (*PARAMETERS, "device"), "cuda", 'device must be "auto" or "cpu", got \'cuda\''),
    ("unet", (*PARAMETERS, "device"), ["cpu"], "device must be"),
    ("unet", (*PARAMETERS, "checkpoint"), "/tmp/x", "has no parameter checkpoint"),
    ("unet", (*PARAMETERS, "precision"), "float64", "precision"),
    ("unet", (*PARAMETERS, "objective"), "os.system", "objective"),
    ("unet", (*PARAMETERS, "random_state"), -1, "random_state"),
    ("unet", (*PARAMETERS, "patch_length"), 3.5, "patch_length"),
    ("unet", (*PARAMETERS, "patch_length"), {"tuple": [3]}, "patch_length"),
    ("unet", (*PARAMETERS, "patch_length"), {"tuple": 3}, "patch_length must be a tuple"),
    ("unet", (*PARAMETERS, "patch_length"), {"list": [3]}, "patch_length must have tuple"),
    ("unet", (*PARAMETERS, "patch_length"), [[3]], "patch_length must hold plain values"),
    ("unet", (*PARAMETERS, "noise_model"), "gaussian", "noise_model_ must fit"),
    ("unet", (*PARAMETERS, "noise_model"), "os.system", "its noise model is unknown"),
    ("unet", NETWORK, "AudioUNet", "network must be a "),
    ("unet", NETWORK, None, "must have shape|the arrays must have"),
    ("unet", (*NETWORK, "class"), "subprocess.Popen", "network must be one of AudioUNet"),
    ("unet", (*NETWORK, "class"), "BaseEstimator", "network must be one of AudioUNet"),
    ("unet", (*NETWORK, "class"), {}, "network must be one of AudioUNet"),
    ("unet", (*NETWORK, "class"), "TFiLM", "the arrays must have|patch_length"),
    ("unet", (*NETWORK, "more"), 1, "network must have class, parameters, got more too"),
    ("unet", (*NETWORK, "parameters", "kernel"), 3, "AudioUNet has no parameter network__kernel"),
    ("unet", (*NETWORK, "parameters", "n_blocks"), 3, "the arrays must have .*got no network_"),
    ("unet", (*NETWORK, "parameters", "n_blocks"), 1, "the arrays must have .* too"),
    ("unet", (*NETWORK, "parameters", "n_blocks"), 10**6, "n_blocks must be at most 1024"),
    ("harmonic", (*NETWORK, "parameters", "n_slow_blocks"), 10**6, "n_slow_blocks must be at most"),
    ("harmonic", (*NETWORK, "parameters", "frame_length"), 2**15, "'frame_length' parameter of"),
    ("spectral", (*PARAMETERS, "lowband"), "keep", 'lowband must be "restore" with a network'),
    ("harmonic", (*PARAMETERS, "lowband"), "lower", "'lowband' parameter of AudioSuperResolver"),
    ("unet", (*NETWORK, "parameters", "width"), 0.25, r"weight must have shape .*, got"),
    ("unet", (*NETWORK, "parameters", "width"), 1e300, "its network can't be built"),
    ("unet", (*NETWORK, "parameters", "n_filters"), [10**9] * 2, "n_filters must be at most"),
    ("unet", (*NETWORK, "parameters", "n_filters"), [2**20] * 2, "weight must have shape|built"),
    ("unet", (*NETWORK, "parameters", "n_filters"), [1] * 2000, "at most 1024 entries, got 2000"),
    ("unet", (*NETWORK, "parameters", "upsampling"), "os.system", "upsampling"),
    ("tfilm", (*NETWORK, "parameters", "block_length"), 2**40, "block_length must be at most"),
    ("dnn", (*PARAMETERS, "frame_length"), 2**40, "frame_length must be at most 1048576"),
    ("dnn", (*PARAMETERS, "frame_length"), 128, "weight must have shape|mean must have shape"),
    ("dnn", (*PARAMETERS, "frame_length"), 100, "frame_length must be a power of two"),
    ("dnn", (*PARAMETERS, "hidden_layer_sizes"), {"tuple": [9]}, "weight must have shape"),
    ("dnn", (*PARAMETERS, "hidden_layer_sizes"), {"tuple": ["a"]}, "hidden_layer_sizes must hold"),
    ("dnn", (*PARAMETERS, "hidden_layer_sizes"), [10**12], "hidden_layer_sizes must be at most"),
    ("dnn", (*PARAMETERS, "phase"), "oracle", "weight must have shape"),
    ("dnn", (*LEARNED, "upsampling_ratio_"), 3, "a power of two"),
    ("unet", (*LEARNED, "scale_"), 0, "scale_ must be a positive number of float32, got 0"),
    ("unet", (*LEARNED, "scale_"), -1.0, "scale_ must be a positive number"),
    ("unet", (*LEARNED, "scale_"), 1e300, "scale_ must be a positive number"),
    ("unet", (*LEARNED, "scale_"), "inf", "scale_ must be a positive number"),
    ("unet", (*LEARNED, "scale_"), True, "scale_ must be a positive number"),
    ("unet", (*LEARNED, "loss_curve_"), 0.5, "loss_curve_ must be a list of numbers"),
    ("unet", (*LEARNED, "loss_curve_"), [0.5, None], r"loss_curve_\[1\] must be a number"),
    ("unet", (*LEARNED, "validation_scores_"), ["high"], r"validation_scores_\[0\] must be"),
    ("unet", NOISE, {"class": "GaussianNoise", "scale": [1.0]}, "noise_model_ must fit"),
    ("gaussian", NOISE, None, "noise_model_ must fit noise_model='gaussian'"),
    ("gaussian", NOISE, "GaussianNoise", "noise_model_ must be a dict"),
    ("gaussian", (*NOISE, "class"), "LaplaceNoise", "noise_model_ must fit"),
    ("gaussian", (*NOISE, "class"), "posix.system", "noise_model_ must fit"),
    ("gaussian", (*NOISE, "limits"), [0.0, 1.0], "got limits too"),
    ("gaussian", (*NOISE, "scale"), [], "noise_model_ must have one scale"),
    ("gaussian", (*NOISE, "scale"), [-1.0], "noise_model_.scale must be a positive number"),
    ("heteroscedastic", (*NOISE, "limits"), [1.0, 0.0], "two limits in order"),
    ("heteroscedastic", (*NOISE, "limits"), ["nan", 0.0], "two limits in order"),
    ("heteroscedastic", (*NOISE, "limits"), [0.0, "nan"], "two limits in order"),
    ("heteroscedastic", (*NOISE, "limits"), [0.0], "two limits in order"),
    ("heteroscedastic", (*PARAMETERS, "noise_model"), "gaussian", "noise_model_ must"),
]


def put(document, place, value):
    """Return a copy of a document with another value at a place."""
    document = copy.deepcopy(document)
    part = document
    for key in place[:-1]:
        part = part[key]
    if value is MISSING:
        del part[place[-1]]
    else:
        part[place[-1]] = value
    return document


@pytest.mark.parametrize(
    ("kind", "place", "value", "named"),
    FIELDS,
    ids=[f"{kind}-{place[-1]}-{i}" for i, (kind, place, _, _) in enumerate(FIELDS)],
)
def test_every_field_is_checked(kind, place, value, named, path):
    document, table, data = take_apart(content_of(kind))
    with pytest.raises(ModelFileError, match=f"can't be loaded: .*{named}"):
        load(put_together(path, put(document, place, value), table, data))


def renamed(table, old, new):
    return {new if name == old else name: entry for name, entry in table.items()}


def test_arrays_are_checked_by_name(path):
    document, table, data = take_apart(content_of("unet"))
    name = "network_.down.0.0.weight"
    for other, named in [
        ({k: v for k, v in table.items() if k != name}, "got no network_.down.0.0.weight"),
        (renamed(table, name, "network_.more"), "got no network_.down.0.0.weight"),
        (renamed(table, name, "coef_"), "got no network_.down.0.0.weight"),
        (renamed(table, name, "__class__"), "got no network_.down.0.0.weight"),
    ]:
        with pytest.raises(ModelFileError, match=f"are not where|{named}"):
            load(put_together(path, document, other, data))
    arrays = {"coef_": fitted("linear").coef_, "more": np.zeros(3)}
    with pytest.raises(ModelFileError, match="the arrays must have coef_, got more too"):
        load(put_together(path, take_apart(content_of("linear"))[0], *table_of(arrays)))
    with pytest.raises(ModelFileError, match="the arrays must have none, got coef_ too"):
        load(
            put_together(
                path, take_apart(content_of("spline"))[0], *take_apart(content_of("linear"))[1:]
            )
        )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda coef: coef[:-1], r"coef_ must have shape \(9, 4\) and type float64, got \(8, 4\)"),
        (lambda coef: coef.T, r"got \(4, 9\)"),
        (lambda coef: coef.ravel(), r"got \(36,\)"),
        (lambda coef: coef.astype(np.float32), r"got \(9, 4\) and float32"),
        (lambda coef: coef.view(np.int64), r"got \(9, 4\) and int64"),
        (lambda coef: np.where(coef == coef.max(), np.nan, coef), "coef_ must be finite, got NaN"),
        (lambda coef: np.where(coef == coef.max(), np.inf, coef), "coef_ must be finite, got NaN"),
    ],
)
def test_filters_are_checked(change, named, path):
    table, data = table_of({"coef_": change(fitted("linear").coef_)})
    with pytest.raises(ModelFileError, match=named):
        load(put_together(path, take_apart(content_of("linear"))[0], table, data))


@pytest.mark.parametrize(
    ("dtype", "name", "change", "named"),
    [
        ("float32", "down.0.0.weight", lambda w: w[:-1], r"down.0.0.weight must have shape"),
        ("float32", "down.0.0.weight", lambda w: w * np.float32(np.nan), "must be finite"),
        ("float32", "down.0.0.bias", lambda w: w + np.float32(np.inf), "bias must be finite"),
        ("float32", "down.0.0.bias", lambda w: w.astype(np.float64), "bias .* and float64"),
        ("float32", "down.0.0.weight", lambda w: w.astype(np.float16), "type float32.*float16"),
        ("float16", "down.0.0.weight", lambda w: w.astype(np.float32), "type float16.*float32"),
        ("float16", "down.0.0.weight", lambda w: w * np.float16(np.inf), "must be finite"),
        ("float16", "down.0.0.bias", lambda w: w.astype(np.float16), "type float32.*float16"),
        ("float32", "down.0.1.num_batches_tracked", lambda w: w[None], r"shape \(\).*\(1,\)"),
        ("float32", "down.0.1.running_var", lambda w: w.view(np.int32), "must have a dtype among"),
    ],
)
def test_weights_are_checked(dtype, name, change, named, path):
    content = content_of("batch", dtype)
    arrays = unpack_model(content)[1]
    arrays[f"network_.{name}"] = change(arrays[f"network_.{name}"])
    with pytest.raises(ModelFileError, match=named):
        load(put_together(path, take_apart(content)[0], *table_of(arrays)))


ENTRY = {"dtype": "F64", "shape": [9, 4], "data_offsets": [0, 288]}


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {**ENTRY, "more": 1},
        {**ENTRY, "dtype": "BF16"},
        {**ENTRY, "dtype": ["F64"]},
        {**ENTRY, "shape": [9, -4]},
        {**ENTRY, "shape": [9.0, 4]},
        {**ENTRY, "shape": 36},
        {**ENTRY, "shape": [2**62, 2**62]},
        {**ENTRY, "shape": [9, 3]},
        {**ENTRY, "shape": [True] * 36},
        {**ENTRY, "data_offsets": [288, 0]},
        {**ENTRY, "data_offsets": [0]},
        {**ENTRY, "data_offsets": []},
        {**ENTRY, "data_offsets": [0, 280]},
        {**ENTRY, "data_offsets": [8, 288]},
        {**ENTRY, "data_offsets": [0, 100, 288]},
        {**ENTRY, "data_offsets": "08"},
    ],
    ids=repr,
)
def test_the_table_of_arrays_is_checked(entry, path):
    document, _, data = take_apart(content_of("linear"))
    with pytest.raises(ModelFileError, match="coef_|are not where|cut off|beyond its arrays"):
        load(put_together(path, document, {"coef_": entry}, data))


def test_arrays_may_not_overlap(path):
    document, table, data = take_apart(content_of("linear"))
    with pytest.raises(ModelFileError, match="are not where its header says"):
        load(put_together(path, document, {**table, "more": ENTRY}, data))


def places(value, place=()):
    """Yield the place of every part of a document."""
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*place, key)
        if isinstance(part, dict | list):
            yield from places(part, (*place, key))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10) | st.integers() | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["inf", "nan", "auto", "AudioUNet", "gaussian", "mse", "none", "float16"]),
    lambda parts: st.lists(parts, max_size=3)
    | st.dictionaries(st.sampled_from(["class", "parameters", "tuple"]), parts, max_size=3),
    max_leaves=6,
)  # fmt: skip


@pytest.mark.parametrize("kind", ["spline", "linear", "dnn", "unet", "heteroscedastic"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_anywhere_is_refused_or_makes_sense(kind, data, path):
    document, table, content = take_apart(content_of(kind))
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.sampled_from(list(places(document))))
        value = data.draw(st.one_of(JSON, st.just(MISSING)))
        document = put(document, place, value)
        assume("package_version" in document)
    try:
        loaded = load(put_together(path, document, table, content))
    except ModelFileError:
        return
    y = loaded.predict(X[:1, :100])
    assert y.shape == (1, 100 * loaded.upsampling_ratio_)


@pytest.mark.parametrize("kind", ["linear", "unet"])
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_signed_damage_is_refused_or_makes_sense(kind, data, path):
    content = bytearray(content_of(kind))
    end = 8 + int.from_bytes(content[:8], "little")
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    sign(path, bytes(content))
    try:
        loaded = load(path)
    except ModelFileError:
        return
    assert loaded.predict(X[:1, :100]).shape == (1, 100 * loaded.upsampling_ratio_)
