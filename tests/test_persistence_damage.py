"""Files that `load` must refuse, by one kind of error that names what is wrong; none runs code."""

import io
import json
import os
import pickle
import tracemalloc

import joblib
import numpy as np
import pytest
import torch
from model_files import X, content_of, fitted, frame, put_together, sign, take_apart, write_document
from safetensors.numpy import save_file

from sklearn_audiosr import ModelFileError, load
from sklearn_audiosr._persistence import model_file

TOUCHED = []


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def assert_refused(path, content, named=None):
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=named):
        load(path)


def sample_places(content, rng):
    """Return places of bytes in all regions of a file."""
    _, table, data = take_apart(content)
    n_head = len(content) - len(data)
    digest = content.index(b"sha256") + len(rb"sha256\":\"")
    offsets = [n_head + np.array(entry["data_offsets"]) for entry in table.values()]
    return [
        *range(8),  # length of the header
        *range(digest, digest + 64, 7),
        *rng.choice(np.arange(8, n_head), 60, replace=False),
        *(place for start, end in offsets for place in (start, (start + end) // 2, end - 1)),
        len(content) - 1,
    ]


@pytest.mark.parametrize("kind", ["spline", "linear", "heteroscedastic", "batch"])
def test_every_byte_counts(kind, path):
    content, rng = content_of(kind), np.random.default_rng(0)
    for place in sample_places(content, rng):
        for mask in (1 << rng.integers(8), 0xFF):
            changed = bytearray(content)
            changed[place] ^= mask
            assert_refused(path, changed)


@pytest.mark.parametrize("kind", ["linear", "unet"])
def test_a_cut_tail_is_named_with_its_length(kind, path):
    content = content_of(kind)
    for length in range(8, len(content), max(1, len(content) // 100)):
        assert_refused(path, content[:length], rf"is cut off: {length} bytes instead of \d+")
    for length in range(8):
        assert_refused(path, content[:length], "no safetensors file" if length else "it is empty")
    assert_refused(path, content + b"\0", "goes on beyond its arrays")


def test_swapped_blocks_are_found(path):
    content = content_of("unet")
    a, b, c = content[:-2048], content[-2048:-1024], content[-1024:]
    assert_refused(path, a + c + b, "checksum is wrong")


class Bomb:
    def __reduce__(self):
        return touch, ()


def touch():
    TOUCHED.append("a pickle ran")


def test_pickles_are_named_and_not_opened(path):
    npz = io.BytesIO()
    np.savez(npz, a=np.array([Bomb()], dtype=object))
    weights = io.BytesIO()
    torch.save({"a": Bomb()}, weights)
    packed = io.BytesIO()
    joblib.dump(Bomb(), packed)
    for protocol in range(2, 6):
        assert_refused(path, pickle.dumps(Bomb(), protocol), "it looks like a pickle")
    for content in (npz, weights, packed):
        assert_refused(path, content.getvalue(), "it looks like a pickle.*can run any code")
    for protocol in range(2):
        assert_refused(path, pickle.dumps(Bomb(), protocol), "no safetensors file")
    assert TOUCHED == []
    pickle.loads(pickle.dumps(Bomb()))  # it does go off
    assert TOUCHED.pop() == "a pickle ran"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "it is empty"),
        (b"RIFF", "no safetensors file"),
        (b"A text of some length\n" * 100, "no safetensors file.*that save"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "no safetensors file"),
        (bytes(100), "no safetensors file"),
        (frame(b"{}"), "holds no model of sklearn-audiosr"),
        (frame(b"[]"), "holds no model"),
        (frame(b'"text"'), "holds no model"),
        (frame(b"{ "), "no JSON that save"),
        (frame("{}".encode("utf-16")), "no JSON that save"),
        (frame(b"\xff\xfe"), "no JSON that save"),
        (frame(b'{"__metadata__":{"sklearn_audiosr":{}}}'), "holds no model"),
        (frame(b'{"__metadata__":{"sklearn_audiosr":"1"}}'), "no format and no package_version"),
        (frame(b'{"__metadata__":{"sklearn_audiosr":"{}","b":"c"}}'), "metadata must be .* alone"),
        (frame(b"[" * 100_000), "brackets within each other"),
        (frame(b'{"a":' * 100_000), "brackets within each other"),
        (frame(b'{"a":' + b"9" * 10_000 + b"}"), "too many digits"),
    ],
    ids=lambda value: None if isinstance(value, str) else repr(value[:24]),
)
def test_other_files_are_named(content, named, path):
    assert_refused(path, content, named)


def test_other_models_are_named(path, tmp_path):
    save_file({"weight": np.zeros(3, np.float32)}, path, metadata={"format": "pt"})
    with pytest.raises(ModelFileError, match=f"'{path}' can't be loaded: it holds no model"):
        load(path)
    with pytest.raises(ModelFileError, match="it is a folder"):
        load(tmp_path)


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 2**40, 2**23 + 1])
def test_a_header_that_is_said_to_be_huge_costs_no_memory(length, path):
    tracemalloc.start()
    assert_refused(path, length.to_bytes(8, "little") + bytes(1000), "no safetensors file")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_header_that_is_huge_is_not_read(path):
    path.write_bytes((2**23 + 8).to_bytes(8, "little"))
    os.truncate(path, 2**24)
    tracemalloc.start()
    with pytest.raises(ModelFileError, match="its header has 8388616 bytes, of which 8388608 are"):
        load(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_arrays_that_are_said_to_be_huge_cost_no_memory(path):
    document, _, _ = take_apart(content_of("linear"))
    table = {"coef_": {"dtype": "F64", "shape": [2**40], "data_offsets": [0, 2**43]}}
    tracemalloc.start()
    with pytest.raises(ModelFileError, match="cut off"):
        load(put_together(path, document, table, b""))
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_name_that_comes_twice_is_refused(path):
    document, table, data = take_apart(content_of("linear"))
    text = write_document(document)
    twice = text.replace('"alpha":1e-05', '"alpha":1e-05,"alpha":2.0')
    assert twice != text
    with pytest.raises(ModelFileError, match="a name comes twice"):
        load(put_together(path, twice, table, data))
    header = json.dumps({"__metadata__": {"sklearn_audiosr": text}, **table})
    sign(path, frame(header.replace('"coef_"', '"coef_":1,"coef_"').encode(), data))
    with pytest.raises(ModelFileError, match="a name comes twice"):
        load(path)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(number, path):
    document, table, data = take_apart(content_of("linear"))
    text = write_document(document).replace("1e-05", number)
    with pytest.raises(ModelFileError, match="is no number|is too large"):
        load(put_together(path, text, table, data))


def test_what_is_put_together_anew_is_loaded(path):
    """The checksum is what the documentation says, and the refusals below are not for it."""
    for kind in ("spline", "linear", "unet", "dnn", "heteroscedastic"):
        loaded = load(put_together(path, *take_apart(content_of(kind))))
        np.testing.assert_array_equal(loaded.predict(X), fitted(kind).predict(X))


@pytest.mark.parametrize("part", ["document", "data"])
def test_a_checksum_of_another_file_is_refused(part, path):
    document, table, data = take_apart(content_of("linear"))
    if part == "data":
        data = data[:-1] + bytes([data[-1] ^ 1])
    else:
        document["model"]["parameters"]["alpha"] = 2.0
    put_together(path, document, table, data)
    own, other = (
        take_apart(content)[0]["sha256"].encode()
        for content in (path.read_bytes(), content_of("linear"))
    )
    content = path.read_bytes().replace(own, other)
    assert_refused(path, content, "checksum is wrong: some byte is not as it was written")


@pytest.mark.parametrize("found", [0, 2, 1.0, True, "1", None, [1]])
def test_another_format_is_named_with_both_versions(found, path, monkeypatch):
    monkeypatch.setattr(model_file, "package_version", lambda: "0.4.0")
    document, table, data = take_apart(content_of("spline"))
    document.update(format=found, package_version="9.8.7")
    with pytest.raises(ModelFileError) as caught:
        load(put_together(path, document, table, data))
    assert caught.value.problem == (
        f"it has format {found!r}, written by sklearn-audiosr 9.8.7, but sklearn-audiosr 0.4.0 "
        "reads format 1"
    )
    assert "Install sklearn-audiosr 9.8.7" in caught.value.remedy


def test_a_later_version_of_the_same_format_is_named_where_it_matters(path):
    document, table, data = take_apart(content_of("unet"))
    document["package_version"] = "9.8.7"
    np.testing.assert_array_equal(
        load(put_together(path, document, table, data)).predict(X), fitted("unet").predict(X)
    )
    document["model"]["parameters"]["reverb"] = 0.5
    with pytest.raises(ModelFileError, match="has no parameter reverb") as caught:
        load(put_together(path, document, table, data))
    assert "sklearn-audiosr 9.8.7 wrote it and this is" in caught.value.remedy


def test_a_parameter_of_later_gets_its_default(path):
    document, table, data = take_apart(content_of("unet"))
    del document["model"]["parameters"]["precision"]
    del document["model"]["parameters"]["network"]["parameters"]["layout"]
    loaded = load(put_together(path, document, table, data))
    assert (loaded.precision, loaded.network.layout) == ("auto", "code")
