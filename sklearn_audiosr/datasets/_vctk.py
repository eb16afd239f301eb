"""The VCTK corpus: read speech of some hundred speakers, with the paper's splits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, NamedTuple

from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions

from sklearn_audiosr.datasets._archives import check_archive
from sklearn_audiosr.datasets._corpus import Missing, Recording, find_root, finish, make_bunch
from sklearn_audiosr.datasets._download import fetch_file, get_data_home
from sklearn_audiosr.datasets._fetching import corpus_fetcher, find_or_unpack
from sklearn_audiosr.datasets._resuming import Downloads, RemoteFile

# The speakers of version 0.80 in the order of the authors' lists: 100 for training and 9 for test
# (github.com/kuleshov/audio-super-res, data/vctk/multispeaker/{train,val}-speakers.txt).
# Version 0.92 also has s5, who is in none of their splits.
SPEAKERS = """
225 226 227 228 229 230 231 232 233 234 236 237 238 239 240 241 243 244 245 246 247 248 249 250 251
252 253 254 255 256 257 258 259 260 261 262 263 264 265 266 267 268 269 270 271 272 273 274 275 276
277 278 279 280 281 282 283 284 285 286 287 288 292 293 294 295 297 298 299 300 301 302 303 304 305
306 307 308 310 311 312 313 314 315 316 317 318 323 326 329 330 333 334 335 336 339 340 341 343 345
347 351 360 361 362 363 364 374 376
"""

# Numbers of speakers for training, from the start of the list, and for test, from its end. Sec. 4
# of the paper trains on the first 99 and tests on 8; two of the 109 are in neither.
_N_SPEAKERS = {"paper": (99, 8), "code": (100, 9)}

# Sec. 4 trains on the first 223 recordings of p225 and tests on the last 8. By the authors' lists
# (data/vctk/speaker1/speaker1-{train,val}-files.txt) these are all 231, the last 8 having these
# numbers.
_SINGLE, _N_SINGLE_TRAIN = "p225", 223
_SINGLE_TEST = ("355", "356", "357", "358", "359", "363", "365", "366")


class _Version(NamedTuple):
    """Properties of a version of the corpus."""

    folder: str  # in data_home, as torchaudio names it
    audio: str  # the folder of recordings in the archive
    ending: str  # of the names of recordings
    archives: tuple[RemoteFile, ...]  # the first is downloaded; any may be put there by hand
    licence: str
    citation: str


VERSIONS = {
    "0.92": _Version(
        folder="VCTK-Corpus-0.92",
        audio="wav48_silence_trimmed",
        ending="_mic1.flac",
        archives=(
            RemoteFile(
                "VCTK-Corpus-0.92.zip",
                (
                    # the file itself; torchaudio's address, the second, may return a web page
                    "https://datashare.ed.ac.uk/server/api/core/bitstreams/"
                    "535f4286-e54c-4038-838c-a02285e32cb2/content",
                    "https://datashare.ed.ac.uk/bitstream/handle/10283/3443/VCTK-Corpus-0.92.zip",
                ),
                # Size and hash: tensorflow_datasets, url_checksums/vctk.txt; the same hash in
                # torchaudio, datasets/vctk.py (VCTK_092).
                n_bytes=11747302977,
                known_hash="sha256:"
                "f96258be9fdc2cbff6559541aae7ea4f59df3fcaf5cf963aae5ca647357e359c",
            ),
        ),
        licence="Creative Commons Attribution 4.0 International (CC BY 4.0)",
        citation="J. Yamagishi, C. Veaux, K. MacDonald: CSTR VCTK Corpus: English Multi-speaker "
        "Corpus for CSTR Voice Cloning Toolkit (version 0.92). University of Edinburgh, 2019. "
        "https://doi.org/10.7488/ds/2645",
    ),
    "0.80": _Version(
        folder="VCTK-Corpus",
        audio="wav48",
        ending=".wav",
        archives=(
            # We found no published hash of these. The tar archive that the authors' code
            # downloads (homepages.inf.ed.ac.uk/jyamagis/release) is no longer there.
            RemoteFile(
                "VCTK-Corpus.zip",
                ("https://datashare.ed.ac.uk/bitstream/handle/10283/2651/VCTK-Corpus.zip",),
            ),
            RemoteFile("VCTK-Corpus.tar.gz", ()),
        ),
        licence="as the file COPYING in the corpus says; usually given as Open Data Commons "
        "Attribution License 1.0 (ODC-By)",
        citation="C. Veaux, J. Yamagishi, K. MacDonald: CSTR VCTK Corpus: English Multi-speaker "
        "Corpus for CSTR Voice Cloning Toolkit. University of Edinburgh. "
        "https://datashare.ed.ac.uk/handle/10283/2651",
    ),
}


@corpus_fetcher(
    task=[StrOptions({"single_speaker", "multi_speaker"})],
    version=[StrOptions(set(VERSIONS))],
    split=[StrOptions(set(_N_SPEAKERS))],
)
def fetch_vctk(
    task: Literal["single_speaker", "multi_speaker"] = "single_speaker",
    version: Literal["0.92", "0.80"] = "0.92",
    *,
    split: Literal["paper", "code"] = "paper",
    sampling_rate: int = 16000,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
) -> Bunch:
    """Fetch the VCTK corpus of read English speech, downloaded if need be (11 GB).

    Parameters
    ----------
    task : {"single_speaker", "multi_speaker"}, default="single_speaker"
        Task of the paper. "single_speaker": p225, with the first 223 recordings for training and
        the last 8 for test. "multi_speaker": see `split`.
    version : {"0.92", "0.80"}, default="0.92"
        Version of the corpus. The paper used 0.80, with silence before and after each sentence.
        In 0.92 the silence is trimmed; of its two microphones the first is read.
    split : {"paper", "code"}, default="paper"
        Speakers of "multi_speaker": the first 99 of 109 for training and the last 8 for test
        ("paper"), or the first 100 and the last 9 ("code"), as in the code of its authors.
    sampling_rate : int, default=16000
        Rate of the clips in Hz. The files have 48000 Hz; soxr resamples them as they are read.
    data_home : str, path-like or None, default=None
        {data home}
        The corpus lies in ``VCTK-Corpus-0.92`` or ``VCTK-Corpus`` below it, as torchaudio has it.
    download_if_missing : bool, default=True
        Download the corpus if it is not there; False makes that an error.
    {patience}

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes

        {clips}
            The length of each is a multiple of 240 timepoints.
        groups : ndarray of shape (n_clips,), dtype str
            The speaker of each clip, such as "p225", for ``GroupKFold`` and the like.
        train, validation, test : ndarray of int
            Indices of the clips of the split. The paper names no validation clips, so
            `validation` is empty.
        {entries}

    Raises
    ------
    {no archive}
    ValueError
        If the archive has a link, a path that leads out of its folder, or another member that no
        recording is.
    {no pooch}

    Warns
    -----
    {left out}

    See Also
    --------
    load_speech : Speech that ships with the package.
    fetch_beethoven_piano : The paper's piano music.

    Notes
    -----
    The split depends on the names of the files, so a missing file moves no other from training to
    test. The archive is checked against its published SHA-256 (0.92) or its own checksums (0.80).
    It may be deleted once it is unpacked.

    Examples
    --------
    >>> from sklearn_audiosr.datasets import fetch_vctk
    >>> vctk = fetch_vctk("single_speaker")  # doctest: +SKIP
    >>> len(vctk.train), len(vctk.test)  # doctest: +SKIP
    (223, 8)

    Without the corpus the error says where to put it:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as empty:
    ...     fetch_vctk(data_home=empty, download_if_missing=False)
    Traceback (most recent call last):
    ...
    FileNotFoundError: VCTK-Corpus-0.92.zip is not in ...
    """
    edition = VERSIONS[version]
    downloads = Downloads(download_if_missing, n_retries, delay)
    audio = _find_audio(edition, get_data_home(data_home), downloads)
    if task == "single_speaker":
        recordings, missing = _list_single(audio, edition)
        split_text = "p225, the first 223 recordings to train and the last 8 to test."
    else:
        recordings, missing = _list_multi(audio, edition, *_N_SPEAKERS[split])
        n_train, n_test = _N_SPEAKERS[split]
        split_text = f"the first {n_train} of 109 speakers to train and the last {n_test} to test."
    dataset, _ = make_bunch(audio, recordings, sampling_rate, licence=edition.licence)
    return finish(
        dataset,
        "VCTK",
        f"Read English speech, version {version}, from {audio}.",
        source=edition.archives[0].urls[-1],
        citation=edition.citation,
        split=f"Split ({split if task == 'multi_speaker' else 'paper'}): {split_text}",
        missing=missing,
    )


def _find_audio(edition: _Version, home: Path, downloads: Downloads) -> Path:
    """Return the folder with a sub-folder for each speaker; download and unpack it if need be."""
    folder = home / edition.folder

    def find() -> Path | None:
        # a copy that was put there by hand may lie deeper, or data_home may be the corpus itself
        root = find_root(folder, lambda path: (path / edition.audio).is_dir())
        audio = (root or home) / edition.audio
        return audio if audio.is_dir() else None

    return find_or_unpack(
        find,
        lambda: [_fetch_archive(edition, home, folder, downloads)],
        folder,
        lambda name: _is_needed(name, edition),
        f"a folder {edition.audio}",
    )


def _fetch_archive(edition: _Version, home: Path, folder: Path, downloads: Downloads) -> Path:
    """Return the archive: one that is there under any of its names, or a fresh download."""
    places = [(place, remote) for place in (folder, home) for remote in edition.archives]
    there = [(place, remote) for place, remote in places if (place / remote.name).is_file()]
    place, remote = there[0] if there else places[0]
    hint = f"or the unpacked folder {edition.audio} into {folder}"
    return fetch_file(remote, place, downloads, check=check_archive, hint=hint)


def _is_needed(name: str, edition: _Version) -> bool:
    """Return whether to unpack a member: recordings that are read here, and texts about them."""
    text = name.rpartition("/")[2].lower().startswith(("readme", "licen", "copying", "speaker"))
    return text or (f"{edition.audio}/" in name and name.endswith(edition.ending))


def _list_speaker(audio: Path, speaker: str, edition: _Version) -> list[str]:
    names = (path.name for path in (audio / speaker).glob(f"*{edition.ending}"))
    return sorted(f"{speaker}/{name}" for name in names if not name.startswith("."))


def _list_single(audio: Path, edition: _Version) -> tuple[list[Recording], list[Missing]]:
    """Return the recordings of the task of one speaker, and what is missing."""
    names = _list_speaker(audio, _SINGLE, edition)
    endings = tuple(f"_{number}{edition.ending}" for number in _SINGLE_TEST)
    test = [name for name in names if name.endswith(endings)]
    train = [name for name in names if name not in test][:_N_SINGLE_TRAIN]
    recordings = [Recording(name, _SINGLE, "train") for name in train]
    recordings += [Recording(name, _SINGLE, "test") for name in test]
    missing = [
        Missing(f"{_SINGLE}: {n_all - n} of {n_all} recordings to {part} are not there", n_all - n)
        for part, n, n_all in (
            ("train", len(train), _N_SINGLE_TRAIN),
            ("test", len(test), len(_SINGLE_TEST)),
        )
        if n < n_all
    ]
    return recordings, missing


def _list_multi(
    audio: Path, edition: _Version, n_train: int, n_test: int
) -> tuple[list[Recording], list[Missing]]:
    """Return the recordings of the task of many speakers, and what is missing."""
    speakers = [f"p{number}" for number in SPEAKERS.split()]
    parts = {speaker: "train" for speaker in speakers[:n_train]}
    parts |= {speaker: "test" for speaker in speakers[-n_test:]}
    names = {speaker: _list_speaker(audio, speaker, edition) for speaker in parts}
    missing = [
        Missing(f"{speaker}: no recording is there", what="speaker")
        for speaker in parts
        if not names[speaker]
    ]
    recordings = [
        Recording(name, speaker, part) for speaker, part in parts.items() for name in names[speaker]
    ]
    return recordings, missing
