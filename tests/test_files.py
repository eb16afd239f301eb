"""Sound files: the prediction on the whole, in the format of the source, and never half a file."""

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
from lively import assert_same, lively_resolver
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from sklearn_audiosr import (
    DNNBandwidthExtender,
    LinearUpsampler,
    SplineUpsampler,
    _files,
    _formats,
    effective_bandwidth,
    upsample_file,
)
from sklearn_audiosr.degradation import Decimator


def noise(*shape, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def spline(ratio=2, sampling_rate=16000):
    return SplineUpsampler(sampling_rate=sampling_rate).fit(noise(1, 9), noise(1, 9 * ratio))


def write(path, x, rate=8000, **options):
    """Write clip x of shape (n_channels, n_timepoints) and give it as the file has it."""
    soundfile.write(path, x.T, rate, **{"subtype": "FLOAT", **options})
    return read(path)


def read(path):
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in; files are read in blocks of 512 values."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_files, "_N_READ", 512)
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


ESTIMATORS = {
    "spline": spline,
    "linear": lambda: LinearUpsampler(9, sampling_rate=16000).fit(noise(1, 600), noise(1, 1200)),
    "network": lambda: lively_resolver(2, sampling_rate=16000),
    "dnn": lambda: DNNBandwidthExtender(
        (8,), frame_length=64, max_epochs=1, device="cpu", sampling_rate=16000
    ).fit(noise(1, 2048), noise(1, 4096)),
}


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("n_channels", [1, 2, 5])
def test_file_equals_predict(estimator, n_channels, folder):
    est = ESTIMATORS[estimator]()
    x = write("narrow.wav", noise(n_channels, 5000))
    upsample_file(est, "narrow.wav", "wide.wav")
    assert_same(read("wide.wav"), est.predict([x])[0])
    assert soundfile.info("wide.wav").samplerate == 16000
    assert names(folder) == ["narrow.wav", "wide.wav"]


def test_blocks_hold_as_many_values_as_may_be_read_at_once(folder, monkeypatch):
    est, sizes = spline(), []
    watch_pushes(est, monkeypatch, lambda chunk: sizes.append(chunk.size))
    write("narrow.wav", noise(3, 1000))
    upsample_file(est, "narrow.wav", "wide.wav")
    assert sizes == 5 * [510] + [450]


@pytest.mark.parametrize(
    ("source", "subtype", "target", "container", "expected", "tolerance"),
    [
        ("a.wav", "PCM_16", "b.wav", "WAV", "PCM_16", 2**-15),
        ("a.wav", "PCM_24", "b.wav", "WAV", "PCM_24", 2**-22),
        ("a.wav", "PCM_32", "b.WAV", "WAV", "PCM_32", 1e-7),
        ("a.wav", "DOUBLE", "b.wav", "WAV", "DOUBLE", 1e-7),
        ("a.wav", "ULAW", "b.wav", "WAV", "ULAW", 2e-2),
        ("a.flac", "PCM_16", "b.flac", "FLAC", "PCM_16", 2**-15),
        ("a.flac", "PCM_24", "b.wav", "WAV", "PCM_24", 2**-22),
        ("a.wav", "PCM_24", "b.aif", "AIFF", "PCM_24", 2**-22),
        ("a.ogg", "VORBIS", "b.ogg", "OGG", "VORBIS", 0.05),
        ("a.wav", "FLOAT", "b.opus", "OGG", "OPUS", 0.05),
        ("a.wav", "FLOAT", "b.flac", "FLAC", "PCM_16", 2**-15),  # FLAC has no floats
        ("a.wav", "ULAW", "b.flac", "FLAC", "PCM_16", 2**-15),
        ("a.ogg", "VORBIS", "b.wav", "WAV", "PCM_16", 2**-15),
        ("a.wav", "PCM_16", "b.oga", "OGG", "VORBIS", 0.05),
    ],
)
def test_formats(source, subtype, target, container, expected, tolerance, folder):
    t = np.arange(3000)
    tones = 0.5 * np.sin([0.05 * t, 0.3 * t + 1])
    x = write(source, tones, subtype=subtype)
    upsample_file(spline(), source, target)
    info = soundfile.info(target)
    assert (info.format, info.subtype, info.samplerate) == (container, expected, 16000)
    y = spline().predict([x])[0]
    assert read(target).shape == y.shape
    assert np.sqrt(np.mean(np.square(read(target) - y))) < tolerance


@pytest.mark.parametrize(
    ("target", "subtype", "largest"),
    [
        ("b.wav", "PCM_16", 1 - 2**-15),
        ("b.wav", "PCM_24", 1 - 2**-23),
        ("b.flac", "PCM_24", 1 - 2**-23),
        ("b.wav", "FLOAT", np.inf),
    ],
)
def test_integers_are_clipped(target, subtype, largest, folder):
    """Between two timepoints of full scale the spline goes beyond it."""
    x = write("a.wav", np.sign(noise(1, 1000)) * 0.99, subtype=subtype)
    y = spline().predict([x])[0]
    assert y.max() > 1.1
    assert y.min() < -1.1
    upsample_file(spline(), "a.wav", target)
    np.testing.assert_allclose(read(target), np.clip(y, -min(largest, 9), largest), atol=2**-14)


def watch_pushes(est, monkeypatch, before):
    """Call ``before(chunk)`` ahead of every push to a stream of est."""
    open_stream = est.stream

    def open_watched(n_channels):
        stream = open_stream(n_channels)
        push = stream.push
        stream.push = lambda chunk: before(chunk) or push(chunk)
        return stream

    monkeypatch.setattr(est, "stream", open_watched)


def test_target_has_another_name_until_it_is_complete(folder, monkeypatch):
    est, seen = spline(), []
    watch_pushes(est, monkeypatch, lambda chunk: seen.append(names(folder)))
    write("narrow.wav", noise(1, 2000))
    upsample_file(est, "narrow.wav", "wide.wav")
    for temporary, *others in seen:
        assert others == ["narrow.wav"]
        assert temporary.startswith(".")
        assert temporary.endswith(".part")
    assert len(seen) == 4
    assert names(folder) == ["narrow.wav", "wide.wav"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("exists", [True, False])
def test_error_in_the_middle_leaves_nothing_behind(error, exists, folder, monkeypatch):
    est, pushes = spline(), []

    def fail(chunk):
        pushes.append(chunk)
        if len(pushes) == 3:
            raise error

    write("narrow.wav", noise(1, 2000))
    if exists:
        Path("wide.wav").write_bytes(b"what was there before")
    before = names(folder)
    watch_pushes(est, monkeypatch, fail)
    with pytest.raises(error):
        upsample_file(est, "narrow.wav", "wide.wav")
    assert names(folder) == before
    assert not exists or Path("wide.wav").read_bytes() == b"what was there before"


def test_existing_target_is_replaced(folder):
    x = write("narrow.wav", noise(1, 2000))
    write("wide.wav", noise(2, 10), 44100)
    upsample_file(spline(), "narrow.wav", "wide.wav")
    assert_same(read("wide.wav"), spline().predict([x])[0])


def test_wrong_rate_names_both(folder):
    write("narrow.wav", noise(1, 100), 11025)
    with pytest.raises(ValueError, match="rate of 8000 Hz .*, got 11025 Hz: pass resample=True"):
        upsample_file(spline(), "narrow.wav", "wide.wav")
    with pytest.raises(ValueError, match="rate of 5333.33 Hz .* ratio 3"):
        upsample_file(spline(3), "narrow.wav", "wide.wav")
    assert names(folder) == ["narrow.wav"]


@pytest.mark.parametrize("ratio", [2, 3])
@pytest.mark.parametrize("rate", [8000, 11025, 44100])
def test_resampled_file_equals_the_whole_resampled(rate, ratio, folder):
    x = write("narrow.wav", noise(2, 4000), rate)
    upsample_file(spline(ratio), "narrow.wav", "wide.wav", resample=True)
    x = soxr.resample(x.T, rate, 16000 / ratio, quality="VHQ").T
    assert_same(read("wide.wav"), spline(ratio).predict([x])[0])
    assert soundfile.info("wide.wav").samplerate == 16000


def test_without_a_sampling_rate_any_rate_is_multiplied(folder):
    write("narrow.wav", noise(1, 100), 11025)
    upsample_file(spline(3, None), "narrow.wav", "wide.wav")
    assert soundfile.info("wide.wav").samplerate == 33075
    with pytest.raises(ValueError, match="resample=True needs the rate .*: set it"):
        upsample_file(spline(3, None), "narrow.wav", "wide.wav", resample=True)


@pytest.mark.parametrize("target", ["narrow.wav", "./narrow.wav", "link.wav", Path("narrow.wav")])
def test_source_is_not_overwritten(target, folder):
    x = write("narrow.wav", noise(1, 100))
    os.link("narrow.wav", "link.wav")
    with pytest.raises(ValueError, match="target must be another file than source"):
        upsample_file(spline(), folder / "narrow.wav", target)
    np.testing.assert_array_equal(read("narrow.wav"), x)


@pytest.mark.parametrize(
    ("source", "target", "error", "message"),
    [
        ("absent.wav", "wide.wav", FileNotFoundError, "source must be a sound file, got absent"),
        ("a.wav", "absent/wide.wav", FileNotFoundError, "in a folder that exists.* make absent"),
        ("a.wav", "wide.xyz", ValueError, "suffix of a sound file, got 'wide.xyz'"),
        ("a.wav", "wide", ValueError, "suffix of a sound file, got 'wide'"),
        ("many.wav", "wide.wav", ValueError, "from 1 to 64, got 65"),
        (
            "nan.wav",
            "wide.wav",
            ValueError,
            "must hold finite values, got NaN or infinity",
        ),
        ("text.wav", "wide.wav", soundfile.LibsndfileError, "text.wav"),
    ],
)
def test_what_cannot_be_read_or_written(source, target, error, message, folder):
    write("a.wav", noise(1, 100))
    write("many.wav", noise(65, 10))
    write("nan.wav", np.full((1, 9), np.nan))
    Path("text.wav").write_text("no sound")
    before = names(folder)
    with pytest.raises(error, match=message):
        upsample_file(spline(), source, target)
    assert names(folder) == before


def test_illegal_estimators(folder):
    write("a.wav", noise(1, 100))
    pipeline = make_pipeline(Decimator(2), SplineUpsampler(sampling_rate=16000))
    pipeline.fit(noise(2, 200), noise(2, 200))
    with pytest.raises(TypeError, match=r"got Pipeline: .* its last step, pipeline\[-1\]"):
        upsample_file(pipeline, "a.wav", "wide.wav")
    with pytest.raises(NotFittedError):
        upsample_file(SplineUpsampler(), "a.wav", "wide.wav")
    with pytest.raises(ValueError, match="whole number of Hz to write files, got 16000.5"):
        upsample_file(spline(2, 16000.5), "a.wav", "wide.wav")
    assert names(folder) == ["a.wav"]
    upsample_file(pipeline[-1], "a.wav", "wide.wav")
    assert soundfile.info("wide.wav").frames == 200


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("n_timepoints", [1, 2])
def test_shortest_files(n_timepoints, n_channels, folder):
    x = write("narrow.wav", noise(n_channels, n_timepoints))
    upsample_file(spline(), "narrow.wav", "wide.wav")
    y = read("wide.wav")
    assert y.shape == (n_channels, 2 * n_timepoints)
    np.testing.assert_allclose(y[:, ::2], x, atol=1e-7)
    assert soundfile.info("wide.wav").samplerate == 16000


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
def test_empty_file_is_an_error(suffix, folder):
    write("narrow.wav", noise(1, 0))
    with pytest.raises(ValueError, match="at least 1 timepoint, got an empty file: narrow.wav"):
        upsample_file(spline(), "narrow.wav", f"wide{suffix}")
    assert names(folder) == ["narrow.wav"]


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "IMA_ADPCM", "GSM610", "PCM_32"])
def test_coded_formats_are_clipped(subtype, folder):
    square = (0.99 * np.sign(noise(1, 4000))).astype(np.float32)
    soundfile.write("narrow.wav", square.T, 8000, subtype=subtype)
    x = read("narrow.wav")
    upsample_file(spline(), "narrow.wav", "wide.wav")
    assert np.abs(spline().predict([x])[0]).max() > 1.1
    soundfile.write(
        "expected.wav", np.clip(spline().predict([x])[0], -1, 1).T, 16000, subtype=subtype
    )
    np.testing.assert_allclose(read("wide.wav"), read("expected.wav"), atol=1e-6)


@pytest.mark.parametrize(
    ("n_channels", "target"), [(9, "wide.flac"), (3, "wide.mp3"), (2, "folder.wav")]
)
def test_target_that_cannot_hold_the_result(n_channels, target, folder):
    Path("folder.wav").mkdir()
    write("narrow.wav", noise(n_channels, 100))
    with pytest.raises((ValueError, IsADirectoryError), match=f"target must be .*got.*{target}"):
        upsample_file(spline(), "narrow.wav", target)
    assert names(folder) == ["folder.wav", "narrow.wav"]


def test_target_keeps_its_permissions_and_a_link_leads_on(folder):
    write("narrow.wav", noise(1, 100))
    Path("wide.wav").write_bytes(b"old")
    Path("wide.wav").chmod(0o600)
    Path("link.wav").symlink_to("wide.wav")
    upsample_file(spline(), "narrow.wav", "link.wav")
    assert Path("link.wav").is_symlink()
    assert Path("wide.wav").stat().st_mode & 0o777 == 0o600
    assert read("wide.wav").shape == (1, 200)


@pytest.mark.parametrize("open_source", [io.BytesIO, lambda content: open("narrow.wav", "rb")])
def test_source_may_be_an_open_file(open_source, folder):
    x = write("narrow.wav", noise(2, 2000))
    with open_source(Path("narrow.wav").read_bytes()) as source:
        upsample_file(spline(), source, "wide.wav")
    assert_same(read("wide.wav"), spline().predict([x])[0])


def test_files_too_long_for_a_wav_header_are_rf64(folder, monkeypatch):
    monkeypatch.setattr(_formats, "_MAX_WAV_BYTES", 4 * 2 * 2000)  # floats of 4 bytes
    for n_timepoints, container in [(2000, "WAV"), (2001, "RF64")]:
        x = write("narrow.wav", noise(1, n_timepoints))
        upsample_file(spline(), "narrow.wav", "wide.wav")
        assert soundfile.info("wide.wav").format == container
        assert_same(read("wide.wav"), spline().predict([x])[0])


def test_mp3_becomes_wav_in_its_usual_format(folder):
    soundfile.write("narrow.mp3", 0.1 * noise(2, 8000).T, 8000)
    upsample_file(spline(), "narrow.mp3", "wide.wav")
    assert soundfile.info("wide.wav").subtype == "PCM_16"
    assert len(soundfile.read("wide.wav")[0]) == 2 * len(soundfile.read("narrow.mp3")[0])
    assert names(folder) == ["narrow.mp3", "wide.wav"]


def test_clipping_is_told(folder):
    soundfile.write("loud.wav", 0.99 * np.sign(noise(2000)), 8000, subtype="PCM_16")
    with pytest.warns(UserWarning, match="was clipped at 1, since PCM_16 holds no more") as caught:
        upsample_file(spline(), "loud.wav", "wide.wav")
    assert caught[0].filename == __file__


def test_place_of_nan_is_told(folder, monkeypatch):
    monkeypatch.setattr(_files, "_N_READ", 100)
    x = noise(1, 1000)
    x[0, 555] = np.inf
    write("narrow.wav", x)
    with pytest.raises(ValueError, match="NaN or infinity between timepoints 500 and 600"):
        upsample_file(spline(), "narrow.wav", "wide.wav")


def test_place_of_nan_counts_in_timepoints_of_the_file(folder):
    x = noise(1, 5000)
    x[0, 4700] = np.nan
    write("narrow.wav", x, 44100)
    with pytest.raises(ValueError, match="NaN or infinity between timepoints 4608 and 5000"):
        upsample_file(spline(), "narrow.wav", "wide.wav", resample=True)


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
    push = _files.BandwidthMeter.push
    monkeypatch.setattr(
        _files.BandwidthMeter,
        "push",
        lambda self, block: sizes.append((self.sampling_rate, block.size)) or push(self, block),
    )
    write("empty.wav", empty_highband(noise(2, 6000), 8000, 16000), 16000)
    upsample_file(spline(), "empty.wav", "wide.wav", assume_bandwidth="auto")
    assert max(size for rate, size in sizes if rate == 16000) <= 512
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
    with pytest.raises(ValueError, match=r"at least 0.3 s and some sound .*: pass where its band"):
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


@pytest.mark.parametrize("suffix", ["wav", "mp3"])  # libsndfile says that one is seekable
def test_a_pipe_cannot_be_read_twice(suffix, folder):
    x = empty_highband(noise(1, 6000), 8000, 16000)
    soundfile.write(f"empty.{suffix}", x.T, 16000)

    pipe = Path(f"pipe.{suffix}")

    def upsample_pipe(assume_bandwidth):
        os.mkfifo(pipe)
        content = Path(f"empty.{suffix}").read_bytes()
        writer = threading.Thread(target=lambda: pipe.write_bytes(content))
        writer.start()
        try:
            upsample_file(spline(), pipe, "wide.wav", assume_bandwidth=assume_bandwidth)
        finally:
            writer.join()
            pipe.unlink()

    if suffix == "wav":  # libsndfile reads no MP3 from a pipe, not once
        upsample_pipe(4000)
        assert soundfile.info("wide.wav").frames == 12000
    threading.excepthook, hook = lambda args: None, threading.excepthook  # nobody reads its rest
    try:
        with pytest.raises(ValueError, match='seekable for assume_bandwidth="auto".* in Hz, or'):
            upsample_pipe("auto")
    finally:
        threading.excepthook = hook


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
