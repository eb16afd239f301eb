"""Sound files: the prediction on the whole, in the format of the source, and never half a file."""

import io
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from lively import assert_same, lively_resolver
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sound_files import enter_folder, names, noise, read, spline, write

from sklearn_audiosr import DNNBandwidthExtender, LinearUpsampler, SplineUpsampler, upsample_file
from sklearn_audiosr._files import blocks
from sklearn_audiosr.degradation import Decimator

folder = pytest.fixture(enter_folder)


ESTIMATORS = {
    "spline": spline,
    "linear": lambda: LinearUpsampler(9, sampling_rate=16000).fit(noise(1, 600), noise(1, 1200)),
    "network": lambda: lively_resolver(2, sampling_rate=16000),
    "dnn": lambda: DNNBandwidthExtender(
        (8,), frame_length=64, max_epochs=1, device="cpu", sampling_rate=16000, random_state=0
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
    with pytest.raises(ValueError, match="rate of 8000 Hz, .*, got 11025 Hz: pass resample=True"):
        upsample_file(spline(), "narrow.wav", "wide.wav")
    with pytest.raises(ValueError, match="rate of 5333.33 Hz .*, .* ratio 3"):
        upsample_file(spline(3), "narrow.wav", "wide.wav")
    assert names(folder) == ["narrow.wav"]


@pytest.mark.parametrize("assume_bandwidth", [None, "auto", 1333.4])
@pytest.mark.parametrize("rate", [2666, 2667])
def test_header_that_cannot_hold_a_sixth_of_16_khz(rate, assume_bandwidth, folder):
    x = write("narrow.wav", noise(2, 2000), rate)
    upsample_file(spline(6), "narrow.wav", "wide.wav", assume_bandwidth=assume_bandwidth)
    assert_same(read("wide.wav"), spline(6).predict([x])[0])
    assert soundfile.info("wide.wav").samplerate == 16000


@pytest.mark.parametrize("rate", [2666, 2667])
def test_header_that_is_to_be_resampled_is_taken_at_its_word(rate, folder):
    write("narrow.wav", noise(1, 10 * rate), rate)  # 2666 for 2667 would be 4 ms
    upsample_file(spline(6), "narrow.wav", "wide.wav", resample=True)
    assert soundfile.info("wide.wav").duration == pytest.approx(10, abs=1e-3)


@pytest.mark.parametrize("rate", [2665, 2668])
def test_header_of_another_rate_than_a_sixth_of_16_khz(rate, folder):
    write("narrow.wav", noise(1, 1000), rate)
    with pytest.raises(
        ValueError, match=rf"2666.67 Hz \(2666 or 2667 in a header\), .* got {rate} Hz"
    ):
        upsample_file(spline(6), "narrow.wav", "wide.wav")


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
        ("a.wav", "wide.xyz", ValueError, "that holds any rate, got 'wide.xyz'"),
        ("a.wav", "wide", ValueError, "that holds any rate, got 'wide'"),
        *[
            ("a.wav", f"wide.{suffix}", ValueError, f"that holds any rate, got 'wide.{suffix}'")
            for suffix in ("htk", "raw", "sd2", "sds", "wve", "xi")
        ],
        ("folder", "wide.wav", IsADirectoryError, "source must be .* got the folder folder"),
        ("many.wav", "wide.wav", ValueError, "at most 64 channels, got 65 in many"),
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
    Path("folder").mkdir()
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
    for rate in (16000.5, 0, "16000"):
        with pytest.raises(ValueError, match=f"whole number of Hz to write files, .* got .?{rate}"):
            upsample_file(spline(2, 16000).set_params(sampling_rate=rate), "a.wav", "wide.wav")
    with pytest.raises(ValueError, match="resample must be True or False, got 'no'"):
        upsample_file(spline(), "a.wav", "wide.wav", resample="no")
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
    with pytest.raises(ValueError, match="at least 1 timepoint, got none in narrow.wav: it is"):
        upsample_file(spline(), "narrow.wav", f"wide{suffix}")
    assert names(folder) == ["narrow.wav"]


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


def test_a_file_that_ends_before_its_header_says_is_told(folder):
    write("whole.mp3", noise(1, 40000), subtype="MPEG_LAYER_III")
    content = Path("whole.mp3").read_bytes()
    Path("cut.mp3").write_bytes(content[: len(content) // 2])
    with pytest.warns(
        UserWarning, match=r"source ended after 2.* s of the 5.000 s .* cut off"
    ) as warned:
        upsample_file(spline(), "cut.mp3", "wide.wav")
    assert {warning.filename for warning in warned} == {__file__}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        upsample_file(spline(), "whole.mp3", "wide.wav")


def test_clipping_is_told(folder):
    soundfile.write("loud.wav", 0.99 * np.sign(noise(2000)), 8000, subtype="PCM_16")
    with pytest.warns(UserWarning, match="was clipped at 1, since PCM_16 holds no more") as caught:
        upsample_file(spline(), "loud.wav", "wide.wav")
    assert caught[0].filename == __file__


def test_place_of_nan_is_told(folder, monkeypatch):
    monkeypatch.setattr(blocks, "N_READ", 400)
    x = noise(1, 1000)
    x[0, 555] = np.inf
    write("narrow.wav", x)
    with pytest.raises(ValueError, match="NaN or infinity between timepoints 500 and 600"):
        upsample_file(spline(), "narrow.wav", "wide.wav")


def test_place_of_nan_counts_in_timepoints_of_the_file(folder):
    x = noise(1, 5000)
    x[0, 4700] = np.nan
    write("narrow.wav", x, 44100)
    with pytest.raises(ValueError, match="NaN or infinity between timepoints 4096 and 5000"):
        upsample_file(spline(), "narrow.wav", "wide.wav", resample=True)


@pytest.mark.parametrize(
    ("rate", "options", "step"), [(8000, {}, 256), (16000, {"resample": True}, 512)]
)
def test_progress_is_told_the_seconds_of_the_source(rate, options, step, folder):
    write("narrow.wav", noise(2, 1000), rate)
    seconds = []
    upsample_file(spline(), "narrow.wav", "wide.wav", progress=seconds.append, **options)
    assert seconds == sorted(seconds)  # what the flushed stream adds is told with the last
    assert sorted(set(seconds)) == [*np.arange(step, 1000, step) / rate, 1000 / rate]
