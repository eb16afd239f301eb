"""Sound files whose band ends below what their rate could hold, and what is said of them."""

import io
import os
import re
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from lively import assert_same
from sound_files import enter_folder, names, noise, read, spline, write

from sklearn_audiosr import effective_bandwidth, upsample_file
from sklearn_audiosr._files import bands

folder = pytest.fixture(enter_folder)


def empty_highband(x, rate, file_rate):
    """A clip of a low rate, brought to that of a file."""
    return soxr.resample(x.T, rate, file_rate, quality="VHQ").T


@pytest.mark.parametrize("assume_bandwidth", ["auto", 4000, 3900.5])
@pytest.mark.parametrize(
    ("ratio", "n_timepoints"), [(2, 16001), (2, 16000), (3, 15998), (3, 16000), (4, 16001)]
)
def test_empty_highband_is_filled_in_place(ratio, n_timepoints, assume_bandwidth, folder):
    """The known answer: the whole file decimated by the resampler, then super-resolved."""
    if assume_bandwidth != "auto":
        assume_bandwidth *= 2 / ratio
    x = empty_highband(noise(2, n_timepoints // ratio + 1), 16000 / ratio, 16000)[:, :n_timepoints]
    x = write("empty.wav", x, 16000)
    est = spline(ratio)
    upsample_file(est, "empty.wav", "wide.wav", assume_bandwidth=assume_bandwidth)
    filled = np.pad(x, [(0, 0), (0, -n_timepoints % ratio)])
    narrow = soxr.resample(filled.T, ratio, 1, quality="VHQ").T
    assert_same(read("wide.wav"), est.predict([narrow])[0][:, :n_timepoints])
    assert soundfile.info("wide.wav").samplerate == 16000
    assert names(folder) == ["empty.wav", "wide.wav"]


@pytest.mark.parametrize("file_rate", [12000, 16000, 44100])
def test_empty_highband_gives_what_the_narrowband_file_gives(file_rate, folder):
    """Nothing is delayed: Y[2 t] is the instant of X[t], whichever way it came."""
    x = empty_highband(noise(1, 8000), 8000, 8000)
    x = soxr.resample(soxr.resample(x.T, 8000, 6000), 6000, 8000).T  # up to 3000 Hz
    write("narrow.wav", x)
    write("high.wav", empty_highband(x, 8000, file_rate), file_rate)
    upsample_file(spline(), "narrow.wav", "expected.wav")
    upsample_file(spline(), "high.wav", "wide.wav", assume_bandwidth="auto")
    assert soundfile.info("wide.wav").samplerate == 16000
    y, expected = read("wide.wav"), read("expected.wav")
    assert y.shape == expected.shape
    error = (y - expected)[:, 400:-400]
    assert np.abs(error).max() < 1e-3 * np.abs(expected).max()


def test_file_is_read_twice_from_where_it_starts(folder):
    """Of an MP3 file, and of an open one, as well."""
    x = empty_highband(noise(2, 12000), 8000, 16000)
    soundfile.write("empty.mp3", x.T, 16000)
    for source in ("empty.mp3", io.BytesIO(Path("empty.mp3").read_bytes())):
        upsample_file(spline(), source, "auto.wav", assume_bandwidth="auto")
        upsample_file(spline(), "empty.mp3", "given.wav", assume_bandwidth=4000)
        np.testing.assert_allclose(read("auto.wav"), read("given.wav"), atol=2**-14)


def test_measuring_keeps_to_blocks(folder, monkeypatch):
    sizes = []
    push = bands.BandwidthMeter.push
    monkeypatch.setattr(
        bands.BandwidthMeter,
        "push",
        lambda self, block: sizes.append((self.sampling_rate, block.size)) or push(self, block),
    )
    write("empty.wav", empty_highband(noise(2, 6000), 8000, 16000), 16000)
    upsample_file(spline(), "empty.wav", "wide.wav", assume_bandwidth="auto")
    assert max(size for rate, size in sizes if rate == 16000) <= 2048
    assert max(size for rate, size in sizes if rate == 8000) <= 2048  # the resampler gathers some


@pytest.mark.parametrize(
    ("n_full", "assume_bandwidth", "message"),
    [
        (1, "auto", "ends below 4000 Hz, .* ends at 8000 Hz, as measured: .* 16000 Hz or more"),
        (2, "auto", "ends at 8000 Hz, as measured"),
        (0, 4001, "ends below 4000 Hz, .* ends at 4001 Hz, as assumed: .* 8002 Hz or more"),
        (1, 8000, "ends at 8000 Hz, as assumed: .* or drop what lies above with resample=True"),
    ],
)
def test_band_that_ends_too_high(n_full, assume_bandwidth, message, folder):
    """One channel suffices."""
    x = empty_highband(noise(2, 6000), 8000, 16000)
    x[:n_full] += noise(n_full, 12000, seed=1)
    write("empty.wav", x, 16000)
    with pytest.raises(ValueError, match=message):
        upsample_file(spline(), "empty.wav", "wide.wav", assume_bandwidth=assume_bandwidth)
    assert names(folder) == ["empty.wav"]
    upsample_file(spline(), "empty.wav", "wide.wav", resample=True)  # the remedy


def test_remedy_for_a_band_that_ends_too_high_names_a_rate_that_does(folder):
    write("empty.wav", empty_highband(noise(1, 8000), 8000, 16000), 16000)
    with pytest.raises(ValueError, match="4000 Hz or more") as caught:
        upsample_file(spline(8), "empty.wav", "wide.wav", assume_bandwidth=2000)
    with pytest.raises(ValueError, match="as measured") as caught:
        upsample_file(spline(4), "empty.wav", "wide.wav", assume_bandwidth="auto")
    rate = float(re.search(r"rate is (\d+) Hz", str(caught.value))[1])
    assert rate == pytest.approx(8000, rel=0.05)


@pytest.mark.parametrize("value", ["half", 0, -1, np.nan, np.inf, True, b"auto", [4000]])
def test_illegal_assumptions(value, folder):
    write("empty.wav", noise(1, 100), 16000)
    with pytest.raises(ValueError, match='assume_bandwidth must be None, "auto" or a frequency'):
        upsample_file(spline(), "empty.wav", "wide.wav", assume_bandwidth=value)


def test_assumptions_need_the_rate_of_the_estimator(folder):
    write("empty.wav", noise(1, 100), 16000)
    with pytest.raises(ValueError, match="assume_bandwidth='auto' needs the rate .*: set it"):
        upsample_file(spline(2, None), "empty.wav", "wide.wav", assume_bandwidth="auto")


def test_assumptions_do_not_bring_a_lower_rate_to_a_higher(folder):
    write("low.wav", noise(1, 100), 6000)
    with pytest.raises(ValueError, match="got 6000 Hz: pass resample=True, or an estimator"):
        upsample_file(spline(), "low.wav", "wide.wav", assume_bandwidth="auto")
    write("high.wav", noise(1, 100), 12000)
    with pytest.raises(ValueError, match='or assume_bandwidth="auto" for a file whose highband'):
        upsample_file(spline(), "high.wav", "wide.wav")


@pytest.mark.parametrize("x", [noise(1, 3000), np.zeros((1, 16000))])
def test_what_cannot_be_measured(x, folder):
    write("short.wav", x, 16000)
    with pytest.raises(ValueError, match=r"at least 0.3 s .* some sound .*: pass where its band"):
        upsample_file(spline(), "short.wav", "wide.wav", assume_bandwidth="auto")
    upsample_file(spline(), "short.wav", "wide.wav", assume_bandwidth=4000)
    assert soundfile.info("wide.wav").frames == x.shape[1]


def test_a_band_may_end_at_the_nyquist_frequency(folder):
    """As steeply as can be: the window that measures it makes it a little wider."""
    spectrum = np.fft.rfft(noise(1, 16000))
    spectrum[:, 4001:] = 0
    x = write("empty.wav", np.fft.irfft(spectrum), 16000)
    assert effective_bandwidth([x], 16000)[0] > 4000
    upsample_file(spline(), "empty.wav", "wide.wav", assume_bandwidth="auto")
    assert names(folder) == ["empty.wav", "wide.wav"]


@pytest.mark.parametrize("suffix", ["wav", "mp3", "flac"])
@pytest.mark.parametrize("bandwidth", [4000, "auto"])
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_the_band_of_a_pipe_is_measured(bandwidth, suffix, folder):
    x = empty_highband(noise(1, 6000), 8000, 16000)
    soundfile.write(f"empty.{suffix}", x.T, 16000)
    os.mkfifo("pipe")
    content = Path(f"empty.{suffix}").read_bytes()
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(content))
    writer.start()
    upsample_file(spline(), "pipe", "wide.wav", assume_bandwidth=bandwidth)
    writer.join()
    upsample_file(spline(), f"empty.{suffix}", "of_file.wav", assume_bandwidth=bandwidth)
    np.testing.assert_allclose(read("wide.wav"), read("of_file.wav"), atol=2**-14)


@pytest.mark.parametrize(
    ("file_rate", "options"),
    [(8000, {}), (16000, {"resample": True}), (16000, {"assume_bandwidth": 3000})],
)
def test_band_that_ends_far_below_that_of_training_is_told(file_rate, options, folder):
    x = empty_highband(noise(2, 4000), 3000, file_rate)
    write("narrow.wav", x, file_rate)
    with pytest.warns(UserWarning, match="band that ends at 14.. Hz, .* up to 4000 Hz") as caught:
        upsample_file(spline(), "narrow.wav", "wide.wav", **options)
    assert caught[0].filename == __file__
    assert "narrowband rate is about 29" in str(caught[0].message)


@pytest.mark.parametrize("band_rate", [4800, 6800, 8000])
def test_bands_of_training_clips_are_no_warning(band_rate, folder):
    """Down to the lowest cut-off of Decimator(filter="random"), and a telephone's."""
    write("narrow.wav", empty_highband(noise(1, band_rate), band_rate, 8000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        upsample_file(spline(), "narrow.wav", "wide.wav")
        upsample_file(spline(2, None), "narrow.wav", "wide.wav")


def test_warning_of_a_narrow_band_as_an_error_leaves_nothing_behind(folder):
    write("narrow.wav", empty_highband(noise(1, 4000), 3000, 8000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="band that ends at"):
            upsample_file(spline(), "narrow.wav", "wide.wav")
    assert names(folder) == ["narrow.wav"]


def test_an_upsampled_spline_is_undone(folder):
    """A file that a spline made, its highband full of images, counts as empty."""
    x = write("narrow.wav", empty_highband(noise(1, 12000), 6000, 8000))
    upsample_file(spline(), "narrow.wav", "images.wav")
    upsample_file(spline(), "images.wav", "wide.wav", assume_bandwidth="auto")
    narrow = soxr.resample(read("images.wav").T, 16000, 8000, quality="VHQ").T
    np.testing.assert_allclose(read("wide.wav"), spline().predict([narrow])[0], atol=1e-6)
    assert effective_bandwidth([read("images.wav")], 16000)[0] < 3200
    assert x.shape[1] * 2 == read("wide.wav").shape[1]


def test_a_band_that_resampling_drops_is_told(folder):
    write("full.wav", noise(1, 16000), 16000)
    with pytest.warns(
        UserWarning, match=r"ends at \d+ Hz, of which resample=True dropped.*4000 Hz"
    ) as warned:
        upsample_file(spline(), "full.wav", "wide.wav", resample=True)
    assert {warning.filename for warning in warned} == {__file__}


def test_an_empty_highband_is_dropped_in_silence(folder):
    write("empty.wav", empty_highband(noise(1, 16000), 8000, 16000), 16000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        upsample_file(spline(), "empty.wav", "wide.wav", resample=True)


@pytest.mark.parametrize("sound", ["tone", "chord", "constant", "quiet"])
def test_where_nothing_is_lost_nothing_is_said(sound, folder):
    """No band ends in such files; what they hold is left, but for the rounding of 16 bits."""
    t = np.arange(96000) / 48000
    x = {
        "tone": 0.5 * np.sin(2 * np.pi * 1000 * t),
        "chord": sum(np.sin(2 * np.pi * f * t) for f in (250, 600, 1100, 1700, 2400, 3000)) / 8,
        "constant": np.full(len(t), 0.3),
        "quiet": 1e-3 * empty_highband(noise(1, 16000), 8000, 48000)[0],
    }[sound]
    write("file.wav", x[None].astype(np.float32), 48000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        upsample_file(spline(), "file.wav", "wide.wav", resample=True)


def test_the_band_of_a_file_in_which_nothing_can_be_sought_is_measured(folder):
    """GSM's own noise fills it."""
    soundfile.write("gsm.wav", noise(1, 12000).T, 16000, subtype="GSM610")
    with pytest.raises(ValueError, match=r"one that ends at [78]\d\d\d Hz, as measured"):
        upsample_file(spline(), "gsm.wav", "wide.wav", assume_bandwidth="auto")
    soundfile.write("gsm.wav", noise(1, 12000).T, 8000, subtype="GSM610")
    upsample_file(spline(), "gsm.wav", "wide.wav", assume_bandwidth="auto")
    assert soundfile.info("wide.wav").frames == 2 * soundfile.info("gsm.wav").frames


@pytest.mark.parametrize("file_rate", [44100, 96000])
@pytest.mark.parametrize("ratio", [4, 6])
def test_bands_are_found_that_are_a_small_part_of_a_file_s(ratio, file_rate, folder):
    narrow_rate = 16000 / ratio
    x = empty_highband(noise(1, 8000), narrow_rate, file_rate)
    write("empty.wav", x, file_rate)
    upsample_file(spline(ratio), "empty.wav", "wide.wav", assume_bandwidth="auto")
    narrow = soxr.resample(x.T, file_rate, narrow_rate, quality="VHQ").T
    assert_same(read("wide.wav"), spline(ratio).predict([narrow])[0])
    write("full.wav", noise(1, 40000), file_rate)
    with pytest.raises(ValueError, match=f"got one that ends at {file_rate // 2} Hz, as measured"):
        upsample_file(spline(ratio), "full.wav", "wide.wav", assume_bandwidth="auto")


def test_measuring_is_progress_too(folder, monkeypatch):
    """A long file is read twice: a bar that is told 0 s shows that time goes on."""
    write("empty.wav", empty_highband(noise(1, 6000), 8000, 16000), 16000)
    seconds = []
    options = {"assume_bandwidth": "auto", "progress": seconds.append}
    upsample_file(spline(), "empty.wav", "wide.wav", **options)
    n_measured = seconds.count(0.0)
    assert n_measured > 5 and seconds[:n_measured] == n_measured * [0.0]
    assert len(seconds) > n_measured and seconds == sorted(seconds)
