"""Names of checkpoints: links, pipes, devices, and one file that two fits name."""

import os

import pytest
from interruptions import (
    assert_same_fit,
    complete_fit,
    interrupt,
    name_checkpoint,
    resolver,
    save_after_every_epoch,
    watch_losses,
)
from resolvers import make_pairs

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
