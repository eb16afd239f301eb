"""Fitted estimators of every kind, and model files taken apart and signed again by hand."""

import copy
import hashlib
import json
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from resolvers import make_pairs, small_resolver
from sklearn.base import clone

from sklearn_audiosr import DNNBandwidthExtender, LinearUpsampler, SplineUpsampler
from sklearn_audiosr._estimators.saving import save_estimator
from sklearn_audiosr.networks import AudioUNet, HarmonicNoiseNet, SpectralNet, TFiLM

X, Y = (clips[:3, : 1024 * r] for clips, r in zip(make_pairs(), (1, 4), strict=True))

KINDS = {
    "spline": SplineUpsampler(sampling_rate=16000),
    "linear": LinearUpsampler(n_taps=9, alpha=1e-5),
    "dnn": DNNBandwidthExtender((8,), frame_length=64, max_epochs=1, random_state=0),
    "imaged": DNNBandwidthExtender([8, 4], phase="imaged", max_epochs=1, random_state=0),
    "unet": small_resolver(max_epochs=2),
    "batch": small_resolver(
        network=AudioUNet(n_blocks=2, layout="paper", n_filters=[8, 8], kernel_sizes=(9, 5)),
        max_epochs=1,
    ),
    "transposed": small_resolver(
        network=AudioUNet(n_blocks=1, width=1 / 16, upsampling="transposed"), max_epochs=1
    ),
    "tfilm": small_resolver(network=TFiLM(n_blocks=1, width=1 / 16, block_length=32), max_epochs=1),
    "spectral": small_resolver(
        network=SpectralNet(n_blocks=1, width=1 / 32, frame_length=64), max_epochs=1
    ),
    "harmonic": small_resolver(
        network=HarmonicNoiseNet(1, n_slow_blocks=1, width=1 / 32, frame_length=64), max_epochs=1
    ),
    "gaussian": small_resolver(noise_model="gaussian", max_epochs=1),
    "laplace": small_resolver(noise_model="laplace", max_epochs=1),
    "heteroscedastic": small_resolver(noise_model="heteroscedastic", max_epochs=1),
}
NOISY = ("gaussian", "laplace", "heteroscedastic")


@cache
def fitted(kind):
    """Return the one fitted estimator of a kind: not to be changed."""
    return clone(KINDS[kind]).fit(X, Y)


def changed(kind, **parameters):
    """Return a copy of the fitted estimator of a kind, with other parameters."""
    return copy.deepcopy(fitted(kind)).set_params(**parameters)


def save_kind(kind, path, **options):
    """Save the estimator of a kind; return its path."""
    save_estimator(fitted(kind), path, **options)
    return path


@cache
def content_of(kind, dtype="float32"):
    """Return the bytes of the file of a kind."""
    with tempfile.TemporaryDirectory() as folder:
        return save_kind(kind, Path(folder, "model.safetensors"), dtype=dtype).read_bytes()


def take_apart(content):
    """Return the document, the table of the arrays and their bytes."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    return json.loads(header.pop("__metadata__")["sklearn_audiosr"]), header, content[end:]


def put_together(path, document, table, data):
    """Write a file as `save` does, with a checksum that is right; texts stay as they are."""
    if not isinstance(document, str):
        document = write_document(document)
    header = {"__metadata__": {"sklearn_audiosr": document}, **table}
    return sign(path, frame(json.dumps(header).encode(), data))


def write_document(document):
    """Return a document's text, with a place for the checksum."""
    return json.dumps({**document, "sha256": "0" * 64}, separators=(",", ":"))


def frame(header, data=b""):
    """Return the bytes of a safetensors file of a header's."""
    return len(header).to_bytes(8, "little") + header + data


def sign(path, content):
    """Write bytes with the checksum that they should have, if there is a place for one."""
    mark = rb'"{\"sha256\":\"'
    start = content.find(mark) + len(mark)
    unsigned = content[:start] + b"0" * 64 + content[start + 64 :]
    digest = hashlib.sha256(unsigned).hexdigest().encode()
    path.write_bytes(content[:start] + digest + content[start + 64 :])
    return path


def table_of(arrays):
    """Return the table and the bytes of float arrays."""
    table, data = {}, b""
    names = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32"}
    for name, array in arrays.items():
        end = len(data) + array.nbytes
        table[name] = {
            "dtype": names[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [len(data), end],
        }
        data += np.ascontiguousarray(array).tobytes()
    return table, data
