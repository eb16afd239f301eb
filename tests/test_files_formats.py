"""Sound files of all formats: what a target can hold, and how it is written."""

import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from lively import assert_same
from sound_files import enter_folder, names, noise, read, spline, write

from sklearn_audiosr import upsample_file
from sklearn_audiosr._files.formats import FILE_FORMATS, SAMPLE_FORMATS, find_format, list_suffixes
from sklearn_audiosr._files.reading import read_file

folder = pytest.fixture(enter_folder)


@pytest.mark.parametrize(
    ("source", "subtype", "target", "file_format", "expected", "tolerance"),
    [
        ("a.wav", "PCM_16", "b.wav", "WAV", "PCM_16", 2**-15),
        ("a.wav", "PCM_24", "b.wav", "WAV", "PCM_24", 2**-22),
        ("a.wav", "PCM_32", "b.WAV", "WAV", "PCM_32", 1e-7),
        ("a.wav", "DOUBLE", "b.wav", "WAV", "DOUBLE", 1e-7),
        *[
            ("a.wav", coded, "b.wav", "WAV", "PCM_16", 2**-15)
            for coded in ("PCM_U8", "ULAW", "ALAW", "IMA_ADPCM")
        ],
        ("a.mp3", "MPEG_LAYER_III", "b.wav", "WAV", "PCM_16", 2**-15),
        ("a.mp3", "MPEG_LAYER_III", "b.mp3", "MP3", "MPEG_LAYER_III", 0.05),
        ("a.flac", "PCM_16", "b.flac", "FLAC", "PCM_16", 2**-15),
        ("a.flac", "PCM_24", "b.wav", "WAV", "PCM_24", 2**-22),
        ("a.wav", "PCM_24", "b.aif", "AIFF", "PCM_24", 2**-22),
        ("a.caf", "ALAC_16", "b.caf", "CAF", "PCM_16", 2**-15),
        ("a.caf", "ALAC_24", "b.wav", "WAV", "PCM_24", 2**-22),
        ("a.ogg", "VORBIS", "b.ogg", "OGG", "VORBIS", 0.05),
        ("a.wav", "FLOAT", "b.opus", "OGG", "OPUS", 0.05),
        ("a.wav", "FLOAT", "b.flac", "FLAC", "PCM_16", 2**-15),  # FLAC has no floats
        ("a.wav", "ULAW", "b.flac", "FLAC", "PCM_16", 2**-15),
        ("a.ogg", "VORBIS", "b.wav", "WAV", "PCM_16", 2**-15),
        ("a.wav", "PCM_16", "b.oga", "OGG", "VORBIS", 0.05),
    ],
)
def test_formats(source, subtype, target, file_format, expected, tolerance, folder):
    t = np.arange(3000)
    tones = 0.5 * np.sin([0.05 * t, 0.3 * t + 1])
    x = write(source, tones, subtype=subtype)
    upsample_file(spline(), source, target)
    info = soundfile.info(target)
    assert (info.format, info.subtype, info.samplerate) == (file_format, expected, 16000)
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


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "IMA_ADPCM", "GSM610", "PCM_32"])
def test_results_of_coded_sources_are_clipped(subtype, folder):
    square = (0.99 * np.sign(noise(1, 4000))).astype(np.float32)
    soundfile.write("narrow.wav", square.T, 8000, subtype=subtype)
    x = read("narrow.wav")
    upsample_file(spline(), "narrow.wav", "wide.wav")
    y = spline().predict([x])[0]
    assert np.abs(y).max() > 1.1
    np.testing.assert_allclose(read("wide.wav"), np.clip(y, -1, 1), atol=2**-14)


@pytest.mark.parametrize(
    ("n_channels", "target"), [(9, "wide.flac"), (3, "wide.mp3"), (2, "folder.wav")]
)
def test_target_that_cannot_hold_the_result(n_channels, target, folder):
    Path("folder.wav").mkdir()
    write("narrow.wav", noise(n_channels, 100))
    with pytest.raises((ValueError, IsADirectoryError), match=f"target must .*got.*{target}"):
        upsample_file(spline(), "narrow.wav", target)
    assert names(folder) == ["folder.wav", "narrow.wav"]


def test_ogg_files_above_what_libvorbis_takes_are_refused(folder):
    write("high.wav", noise(1, 1000), 96000)
    with pytest.raises(ValueError, match="got wide.ogg, which holds 192000 Hz at most: take .wav"):
        upsample_file(spline(4, sampling_rate=None), "high.wav", "wide.ogg")
    upsample_file(spline(2, sampling_rate=None), "high.wav", "wide.ogg")
    assert soundfile.info("wide.ogg").samplerate == 192000


@pytest.mark.parametrize("suffix", ["svx", "mpc2k"])
def test_formats_that_hold_rates_of_16_bits(suffix, folder):
    write("high.wav", noise(1, 1000), 32000)
    with pytest.raises(ValueError, match=f"got wide.{suffix}, which holds 65535 Hz at most"):
        upsample_file(spline(4, sampling_rate=None), "high.wav", f"wide.{suffix}")
    upsample_file(spline(2, sampling_rate=None), "high.wav", f"wide.{suffix}")
    assert soundfile.info(f"wide.{suffix}").samplerate == 64000


def test_a_target_that_the_system_refuses_is_not_blamed_on_its_format(folder, monkeypatch):
    write("narrow.wav", noise(1, 100))
    opened = soundfile.SoundFile.__init__

    def refuse(self, file, mode="r", *args, **options):
        if mode == "w":
            raise soundfile.LibsndfileError(2, "Error opening: ")  # SF_ERR_SYSTEM
        opened(self, file, mode, *args, **options)

    monkeypatch.setattr(soundfile.SoundFile, "__init__", refuse)
    with pytest.raises(OSError, match=r"wide.wav can't be written: check its folder, rights and"):
        upsample_file(spline(), "narrow.wav", "wide.wav")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
@pytest.mark.parametrize("suffix", ["ogg", "wav"])
def test_of_a_pipe_whose_length_is_not_known_the_target_is_a_wav_file(suffix, folder):
    x = write(f"narrow.{suffix}", noise(1, 3000), subtype=None)
    os.mkfifo("pipe")
    content = Path(f"narrow.{suffix}").read_bytes()
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(content))
    writer.start()
    upsample_file(spline(), "pipe", "wide.wav")
    writer.join()
    assert soundfile.info("wide.wav").format == "WAV"
    np.testing.assert_allclose(read("wide.wav"), spline().predict([x])[0], atol=2**-14)


def test_files_too_long_for_a_wav_header_are_rf64(folder, monkeypatch):
    small = replace(FILE_FORMATS["WAV"], max_bytes=4 * 2 * 2000)  # floats of 4 bytes
    monkeypatch.setitem(FILE_FORMATS, "WAV", small)
    for n_timepoints, file_format in [(2000, "WAV"), (2001, "RF64")]:
        x = write("narrow.wav", noise(1, n_timepoints))
        upsample_file(spline(), "narrow.wav", "wide.wav")
        assert soundfile.info("wide.wav").format == file_format
        assert_same(read("wide.wav"), spline().predict([x])[0])


def test_mp3_becomes_wav_in_its_usual_format(folder):
    soundfile.write("narrow.mp3", 0.1 * noise(2, 8000).T, 8000)
    upsample_file(spline(), "narrow.mp3", "wide.wav")
    assert soundfile.info("wide.wav").subtype == "PCM_16"
    assert len(soundfile.read("wide.wav")[0]) == 2 * len(soundfile.read("narrow.mp3")[0])
    assert names(folder) == ["narrow.mp3", "wide.wav"]


@pytest.mark.parametrize("n_timepoints", [6, 575, 1153, 4000])
@pytest.mark.parametrize(
    ("source", "subtype", "target"),
    [
        ("in.aiff", "DWVW_16", "out.aiff"),  # in which nothing can be sought
        ("in.aiff", "DWVW_24", "out.aiff"),
        ("in.wav", "PCM_24", "out.paf"),  # whose header rounds up
        ("in.wav", "PCM_24", "out.mat5"),
    ],
)
def test_files_that_are_whole_though_they_do_not_look_so(
    source, subtype, target, n_timepoints, folder
):
    x = noise(1, n_timepoints)
    soundfile.write(source, x.T, 8000, subtype=subtype)
    upsample_file(spline(), source, target)
    y = spline().predict([x])[0]
    written = read_file(target)[0].T
    np.testing.assert_allclose(written[:, : y.shape[1]], y, atol=2e-4)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.wav", ("WAV", "PCM_16")),
        ("a.WAVE", ("WAV", "PCM_16")),
        ("a.opus", ("OGG", "OPUS")),
        ("a.oga", ("OGG", "VORBIS")),
        ("a.sph", ("NIST", "PCM_16")),
        ("a.mat5", ("MAT5", "DOUBLE")),  # a name of a format is a suffix, too
    ],
)
def test_formats_are_found_by_their_suffixes(name, expected):
    assert find_format(Path(name), 16000) == expected


def test_suffixes_of_files_that_are_read():
    suffixes = list_suffixes()
    assert {".wav", ".wave", ".flac", ".mp3", ".ogg", ".opus", ".aif", ".sph", ".8svx"} <= suffixes
    assert not {".mat", ".mat4", ".raw", ".wavex"} & suffixes


def test_every_entry_is_a_format_of_libsndfile():
    """A misspelt name would have no effect."""
    assert set(FILE_FORMATS) <= set(soundfile.available_formats())
    assert set(SAMPLE_FORMATS) <= set(soundfile.available_subtypes())
    assert {kept for f in SAMPLE_FORMATS.values() if (kept := f.kept_as)} <= set(SAMPLE_FORMATS)
