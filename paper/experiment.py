"""Fits and scores, each made once: a command that was interrupted goes on where it stopped."""

import functools
import hashlib
import inspect
import json
import pickle
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sklearn import config_context
from sklearn.base import clone

import sklearn_audiosr
from paper.corpora import open_corpus
from paper.parts import hash_text
from paper.report import write_atomically
from paper.scores import measure
from sklearn_audiosr.degradation import ideal_lowband

# Parts of the package that no score depends on: an edit there must not discard fits.
IRRELEVANT = (
    "__main__.py", "_command_line", "_files", "_models", "_persistence", "_signal/bandwidth.py",
    "_prediction/network_stream.py", "_prediction/stream.py", "datasets", "listening",
)  # fmt: skip


@dataclass
class Fitted:
    """A fitted estimator, and the time of its fit.

    Attributes
    ----------
    estimator : object
        Fitted.
    key : str
        Hash of all that it depends on.
    cpu_minutes, wall_minutes : float
        Of the fit, over all sessions that it took.
    """

    estimator: object
    key: str
    cpu_minutes: float
    wall_minutes: float

    def describe(self):
        """Return what a row says of the fit."""
        with config_context(print_changed_only=True):
            name = " ".join(self.estimator.__repr__(N_CHAR_MAX=2000).split())
        return {
            "estimator": name,
            "fit_cpu_minutes": self.cpu_minutes,
            "fit_wall_minutes": self.wall_minutes,
        }


@dataclass
class Bench:
    """Where experiments get corpora, fits and scores.

    Attributes
    ----------
    preset : Preset
        Sizes.
    data : list of str
        Names of corpora, or folders.
    recordings : Path
        Folder of the packs.
    work : Path
        Where fits and scores are kept.
    ratios : list of int or None
        Upsampling ratios that the command line names.
    """

    preset: object
    data: list
    recordings: Path
    work: Path
    ratios: list | None = None
    degradations: list = field(default_factory=list)
    described: dict = field(default_factory=dict)
    reused: dict = field(default_factory=lambda: {"n_fits": 0, "cpu_minutes": 0.0})
    _corpora: dict = field(default_factory=dict)

    def corpora(self):
        """Yield the corpora, one after the other."""
        for name in self.data:
            yield self.open(name)

    def open(self, name, minutes=None):
        """Return a corpus by name, with at most so many minutes of training clips.

        None means the preset's minutes, infinity all.
        """
        if name not in self._corpora:
            self._corpora[name] = open_corpus(name, self.recordings)
        minutes = minutes or self.preset.minutes
        corpus = self._corpora[name]
        if minutes is not None and minutes < corpus.minutes():
            corpus = corpus.limit(minutes)
        return corpus

    def choose_ratios(self, *default):
        """Return the ratios of the command line, or else those of the paper's experiment."""
        return self.ratios or list(default)

    def fit(self, estimator, corpus, *decimators):
        """Fit on the training clips of a corpus, degraded by each of the decimators in turn.

        Returns
        -------
        fitted : Fitted
            From the work folder if an earlier command has made it there.
        """
        key = fingerprint(
            clips=corpus.identify(corpus.train),
            degradations=[describe(d) for d in decimators],
            estimator=describe(estimator),
            code=code_version(),
        )
        file = self._place("fits", f"{key}.pickle")
        self.note(corpus, decimators)
        if file.exists():
            fitted = pickle.loads(file.read_bytes())
            self.reused["n_fits"] += 1
            self.reused["cpu_minutes"] += fitted.cpu_minutes
            return fitted
        X, Y, groups = make_training_pairs(corpus, decimators)
        fitted = self._fit(clone(estimator), X, Y, groups, key)
        write_atomically(file, pickle.dumps(fitted))
        return fitted

    def score(self, fitted, corpus, decimator, part="test"):
        """Score on a part of a corpus; see `paper.scores.measure`."""
        return self._score(fitted.key, corpus, decimator, lambda X, Y: fitted.estimator.predict(X),
                           part)  # fmt: skip

    def score_bound(self, corpus, decimator):
        """Score the ideal lowband: the bound of all methods that predict no highband."""
        ratio = decimator.upsampling_ratio
        return self._score("ideal lowband", corpus, decimator, lambda X, Y: ideal_lowband(Y, ratio))

    def remember(self, kind, key, make):
        """Return what an earlier command has made, or make it and keep it as JSON."""
        file = self._place(kind, f"{key}.json")
        if file.exists():
            return json.loads(file.read_text(encoding="utf-8"))
        made = make()
        write_atomically(file, json.dumps(made, allow_nan=False).encode())
        return made

    def _score(self, key, corpus, decimator, predict, part="test"):
        part = getattr(corpus, part)

        def make():
            Y = corpus.trimmed(part, decimator.upsampling_ratio)
            X = decimator.fit_transform(Y)
            begin = time.perf_counter()
            Y_pred = predict(X, Y)
            seconds = time.perf_counter() - begin
            duration = sum(y.shape[-1] for y in Y) / corpus.sampling_rate
            return {**measure(Y, Y_pred, part.names, part.groups),
                    "times_real_time": duration / seconds}  # fmt: skip

        self.note(corpus, [decimator])
        name = fingerprint(
            method=key,
            clips=corpus.identify(part),
            degradation=describe(decimator),
            code=code_version(),
        )
        return self.remember("scores", name, make)

    def _fit(self, estimator, X, Y, groups, key):
        takes_groups = "groups" in inspect.signature(estimator.fit).parameters
        options = {"groups": groups} if takes_groups else {}
        clock_file = self._place("fits", f"{key}.clock.json")
        spent = json.loads(clock_file.read_text()) if clock_file.exists() else [0.0, 0.0]
        if "checkpoint" in estimator.get_params():
            estimator.set_params(checkpoint=str(self._place("fits", f"{key}.checkpoint")))
        begin = time.process_time(), time.perf_counter()
        try:
            estimator.fit(X, Y, **options)
        finally:  # a fit that Ctrl-C ends goes on from its checkpoint: its time counts too
            spent[0] += (time.process_time() - begin[0]) / 60
            spent[1] += (time.perf_counter() - begin[1]) / 60
            write_atomically(clock_file, json.dumps(spent).encode())
        clock_file.unlink(missing_ok=True)
        if "checkpoint" in estimator.get_params():
            estimator.set_params(checkpoint=None)  # no path of this machine in a pickle
        return Fitted(estimator, key, *spent)

    def note(self, corpus, decimators):
        """Note for the card which corpus and degradations were used."""
        described = corpus.describe()
        self.described[json.dumps(described)] = described
        for decimator in decimators:
            text = repr(decimator)
            if text not in self.degradations:
                self.degradations.append(text)

    def _place(self, kind, name):
        folder = self.work / kind
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name


def make_training_pairs(corpus, decimators):
    """Degrade the training clips by each decimator, and return X, Y and groups.

    Copies of a clip are of one group, so that none trains while another is held out.
    """
    ratio = decimators[0].upsampling_ratio
    clips = corpus.trimmed(corpus.train, ratio)
    groups = corpus.train.groups
    if len(set(groups)) < 2:
        groups = np.array(corpus.train.names)
    X = [x for decimator in decimators for x in decimator.fit_transform(clips)]
    return X, clips * len(decimators), np.tile(groups, len(decimators))


def describe(estimator):
    """Return all parameters of an estimator as text, nested ones too."""
    parameters = estimator.get_params(deep=True)
    values = {k: repr(v) for k, v in parameters.items() if not hasattr(v, "get_params")}
    return {"class": type(estimator).__name__, **dict(sorted(values.items()))}


def fingerprint(**content):
    """Return a hash of plain values by name."""
    return hash_text(json.dumps(content, sort_keys=True))


@functools.cache  # the code that was imported, even if files are edited meanwhile
def code_version():
    """Return a hash of the package's source, without what no score depends on."""
    root = Path(sklearn_audiosr.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if not f"{name}/".startswith(tuple(f"{part}/" for part in IRRELEVANT)):
            digest.update(name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
