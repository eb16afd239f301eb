"""Corpora of the paper's experiments: packs and fetched ones, split, cut and told apart."""

import numpy as np
import pytest
import soundfile
from paper_runs import make_corpus
from sklearn.utils import Bunch

from paper import corpora
from paper.corpora import open_corpus, split_groups


def test_split_keeps_groups_whole_and_depends_on_names_alone():
    groups = np.repeat([f"g{i}" for i in range(20)], 3)
    train, test = split_groups(groups, list(map(str, range(60))))
    assert len(test) == 12
    assert not set(groups[train]) & set(groups[test])
    shuffled = np.random.default_rng(0).permutation(60)
    assert set(groups[shuffled][split_groups(groups[shuffled], None)[1]]) == set(groups[test])
    one = split_groups(np.array(["a"] * 10), [str(i) for i in range(10)])
    assert (len(one[0]), len(one[1])) == (8, 2)
    with pytest.raises(SystemExit, match="at least 2 clips"):
        split_groups(np.array(["a"]), ["x"])


def test_limit_takes_groups_in_turn_and_meets_the_minutes():
    corpus = make_corpus()
    limited = corpus.limit(9 / 60)
    assert limited.train.count_timepoints() == 9000
    assert [len(clip) for clip in limited.train.clips] == [2000] * 4 + [1000]
    assert len(set(limited.train.groups)) == 5
    assert limited.test is corpus.test
    assert corpus.limit(9 / 60).train.names == limited.train.names
    assert corpus.limit(9 / 60, seed=1).train.names != limited.train.names
    assert corpus.limit(100).train.count_timepoints() == corpus.train.count_timepoints()


def test_fingerprint_hears_one_timepoint():
    a, b = make_corpus(), make_corpus()
    assert a.identify(a.train) == b.identify(b.train)
    b.train.clips[3][7] += 0.5
    assert a.identify(a.train) != b.identify(b.train)


def test_pack(tmp_path):
    rows = ["path,pack,speaker,split,licence"]
    for name, split in [("a_0", "train"), ("a_1", "valid"), ("b_0", "test")]:
        soundfile.write(tmp_path / f"{name}.flac", np.zeros(32000), 32000)
        rows.append(f"{name}.flac,piano,steinway,{split},CC0")
    (tmp_path / "MANIFEST.csv").write_text("\n".join(rows))
    corpus = open_corpus("piano", tmp_path)
    assert corpus.train.names == ["a_0", "a_1"]  # an estimator holds out its own
    assert corpus.test.groups.tolist() == ["b"]
    assert corpus.licence == "CC0"
    assert len(corpus.test.clips[0]) == 16000
    with pytest.raises(SystemExit, match="lists no clips of music"):
        open_corpus("music", tmp_path)
    (tmp_path / "b_0.flac").unlink()
    with pytest.raises(SystemExit, match=r"--data piano cannot be opened: .*b_0\.flac"):
        open_corpus("piano", tmp_path)
    (tmp_path / "MANIFEST.csv").write_text("path,pack\na_0.flac,piano\n")
    with pytest.raises(SystemExit, match="lacks the columns licence, speaker, split"):
        open_corpus("piano", tmp_path)


def test_music_that_repeats_stays_on_one_side():
    rows = [{"pack": "music", "speaker": "flactest", "path": f"flactest_0{i}.flac"} for i in (3, 4)]
    assert {corpora._name_piece(row) for row in rows} == {"flactest"}
    row = {"pack": "music", "speaker": "sonicpi", "path": "sonicpi_ride_via.flac"}
    assert corpora._name_piece(row) == "sonicpi_ride_via"


def test_fetched_corpus_is_read_when_asked_for(monkeypatch, tmp_path):
    class Lazy:
        n_timepoints = np.array([16000] * 5)

        def __init__(self, indices=range(5)):
            self.indices = list(indices)

        def __len__(self):
            return len(self.indices)

        def __getitem__(self, i):
            return Lazy(i) if isinstance(i, np.ndarray) else np.full(16000, self.indices[i], "f")

    bunch = Bunch(
        clips=Lazy(), groups=np.array(list("aabbc")), filenames=list("vwxyz"), licence="ODC",
        sampling_rate=16000, train=np.array([0, 1]), validation=np.array([2]),
        test=np.array([4]),
    )  # fmt: skip
    monkeypatch.setattr(corpora.datasets, "fetch_vctk", {"multi_speaker": bunch}.get, raising=False)
    corpus = open_corpus("vctk-multi", tmp_path)
    assert isinstance(corpus.train.clips, Lazy)
    assert corpus.train.names == ["v", "w", "x"]
    assert corpus.test.clips[0][0] == 4


def test_partial_beethoven_without_a_connection(monkeypatch, tmp_path):
    def fail(*_):
        raise ConnectionError("archive.org cannot be reached")

    monkeypatch.setenv("SKLEARN_AUDIOSR_DATA", str(tmp_path))
    monkeypatch.setattr("sklearn_audiosr.datasets._beethoven._download_item", fail)
    (tmp_path / "beethoven_piano").mkdir()
    soundfile.write(tmp_path / "beethoven_piano" / "Sonata 1.wav", np.zeros(200_000), 16000)
    message = r"31 of 32 sonatas could not be downloaded(.|\n)*with a connection.*--data with their"
    with pytest.raises(SystemExit, match=message):
        open_corpus("beethoven", tmp_path)


def test_partial_vctk_without_clips_to_test(monkeypatch, tmp_path):
    folder = tmp_path / "VCTK-Corpus-0.92" / "wav48_silence_trimmed" / "p225"
    folder.mkdir(parents=True)
    soundfile.write(folder / "p225_001_mic1.flac", np.zeros(48000), 48000)
    monkeypatch.setenv("SKLEARN_AUDIOSR_DATA", str(tmp_path))
    with (
        pytest.warns(UserWarning, match=r"230 file\(s\) of VCTK are left out"),
        pytest.raises(SystemExit, match="none of its recordings to test is there"),
    ):
        open_corpus("vctk-single", tmp_path)


def test_wrong_corpora_are_named(tmp_path):
    with pytest.raises(SystemExit, match="bundled-speech.*got 'nothing'"):
        open_corpus("nothing", tmp_path)
    with pytest.raises(SystemExit, match="--recordings"):
        open_corpus("piano", tmp_path)
