"""Numbers of a model file that name sizes: none takes memory that the file's arrays don't have."""

import os

import pytest
from model_files import content_of, put_together, take_apart

from sklearn_audiosr import ModelFileError, load
from tools.soak.estimators import PeakMemory
from tools.soak.model_files import sweep


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("value", [2.0**21, 2.0**33, 1e300, 65536])
@pytest.mark.parametrize("kind", ["batch", "unet", "tfilm", "spectral", "harmonic"])
def test_a_width_that_the_arrays_do_not_have_takes_no_memory(kind, value, path):
    """A file of 7 kB took 2 GB."""
    load(put_together(path, *take_apart(content_of(kind))))  # what is loaded once, stays
    document, table, data = take_apart(content_of(kind))
    document["model"]["parameters"]["network"]["parameters"]["width"] = value
    memory = PeakMemory()
    put_together(path, document, table, data)
    memory.start()
    with pytest.raises(ModelFileError, match=r"must have shape|can't be built"):
        load(path)
    assert memory.stop() < 2**25


@pytest.mark.parametrize("kind", ["linear", "dnn", "harmonic"])
def test_nor_does_any_other_number(kind, path):
    values = (1020, 16384, 2**19, 2**20 + 0.0)
    sizes = [n_bytes for *_, n_bytes in sweep([content_of(kind)], values, path)]
    assert len(sizes) >= 8
    assert max(sizes) < 2**26


@pytest.mark.parametrize("kind", ["batch", "dnn"])
def test_constants_of_many_numbers_are_filled_from_the_file(kind, path, monkeypatch):
    """Whatever the limit is for what gets memory at once."""
    expected = load(put_together(path, *take_apart(content_of(kind)))).network_.state_dict()
    monkeypatch.setattr("sklearn_audiosr._persistence.weights._MAX_NUMBERS", 6)
    loaded = load(path).network_.state_dict()
    assert all(bool((loaded[name] == weight).all()) for name, weight in expected.items())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_refused(path):
    os.mkfifo(path)
    with pytest.raises(ModelFileError, match="it is a pipe or a device"):
        load(path)
    with pytest.raises(ModelFileError, match="it is a pipe or a device"):
        load(os.devnull)
