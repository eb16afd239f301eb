"""Names of checkpoints: links, pipes, devices, and one file that two fits name."""

import os
import warnings

import numpy as np
import pytest
from interruptions import (
    assert_same_fit,
    complete_fit,
    interrupt,
    interrupt_after_one_epoch,
    name_checkpoint,
    resolver,
    save_after_every_epoch,
    watch_losses,
)
from resolvers import make_pairs, small_resolver
from sklearn.model_selection import cross_validate

pairs = pytest.fixture(scope="module")(make_pairs)
saved = pytest.fixture(autouse=True)(save_after_every_epoch)
path = pytest.fixture(name_checkpoint)
interruption = pytest.fixture(watch_losses)


def test_a_link_stays_and_its_file_is_written(pairs, path, interruption):
    place = path.with_name("elsewhere")
    place.mkdir()
    path.symlink_to(place / "fit")
    interrupt(resolver(checkpoint=path), pairs, interruption)
    assert path.is_symlink()
    assert os.listdir(place) == ["fit"]
    assert_same_fit(resolver(checkpoint=path).fit(*pairs), complete_fit())
    assert path.is_symlink()
    assert os.listdir(place) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_refused_and_one_of_the_name_of_the_part_does_not_wait(pairs, path):
    os.mkfifo(path)
    with pytest.raises(ValueError, match="checkpoint must name a file, got .* a pipe or a device"):
        resolver(checkpoint=path).fit(*pairs)
    path.unlink()
    os.mkfifo(f"{path}.part")
    assert resolver(checkpoint=path, max_epochs=1).fit(*pairs).n_iter_ == 1
    assert os.listdir(path.parent) == []


def test_a_device_is_refused(pairs):
    with pytest.raises(ValueError, match="got '/dev/null', a pipe or a device"):
        resolver(checkpoint=os.devnull).fit(*pairs)


def test_links_in_a_circle_stay(pairs, path):
    other = path.with_name("other")
    path.symlink_to(other)
    other.symlink_to(path)
    with pytest.raises(ValueError, match="checkpoint must name a file .* symbolic links"):
        resolver(checkpoint=path).fit(*pairs)
    assert path.is_symlink()


# One file that fits in two processes name


@pytest.mark.parametrize("name", ["", ".part"])
def test_a_fit_that_finds_the_file_of_another_leaves_it_and_trains_on(pairs, path, name):
    """The first fit was complete before: it deleted what the second had kept."""
    interrupt_after_one_epoch(resolver(checkpoint=path, batch_size=8), pairs)
    of_another = path.rename(path.with_name("elsewhere")).read_bytes()
    place = path.with_name(path.name + name)

    def begin_another(est, measured):
        if measured["epoch"] == 2:
            place.write_bytes(of_another)

    est = resolver(checkpoint=path, callbacks=[begin_another])
    with pytest.warns(UserWarning, match="another fit writes that file: name one for each") as log:
        est.fit(*pairs)
    assert len(log) == 1
    assert_same_fit(est, complete_fit())
    assert place.read_bytes() == of_another


def test_a_fit_that_may_not_begin_leaves_what_another_is_writing(pairs, path):
    interrupt_after_one_epoch(resolver(checkpoint=path, batch_size=8), pairs)
    part = path.with_name(path.name + ".part")
    part.write_bytes(b"half")
    with pytest.raises(ValueError, match="was written by a fit with batch_size 8"):
        resolver(checkpoint=path).fit(*pairs)
    assert part.read_bytes() == b"half"


@pytest.mark.slow
def test_a_cross_validation_in_two_processes_says_that_it_needs_two_files(pairs, path):
    """Each fit is the one without a checkpoint, or an error."""
    X, Y = map(list, pairs)
    folds = {"cv": 2, "n_jobs": 2}
    expected = cross_validate(small_resolver(max_epochs=60), X, Y, **folds)["test_score"]
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        found = cross_validate(small_resolver(max_epochs=60, checkpoint=path), X, Y, **folds)
    scores = found["test_score"]
    kept = np.isfinite(scores)
    np.testing.assert_array_equal(scores[kept], expected[kept])
    assert kept.all() or any("was written by a fit with training clips" in str(w) for w in log)
    assert os.listdir(path.parent) == []
