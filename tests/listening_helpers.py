"""Helpers for the tests of listening: stimuli of noise, panels of made-up listeners, a browser.

A test file makes fixtures of generators and of functions that take fixtures:
``panel = pytest.fixture(write_panel)``.
"""

import json
import shutil

import numpy as np
import pytest

from sklearn_audiosr import SplineUpsampler
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.listening import analyze, make_listening_test, make_stimuli
from sklearn_audiosr.listening._answers import checksum

# ---- stimuli and a test of two trials

RATE = 16000
SYSTEMS = ("hidden reference", "narrowband", "zebra", "yak", "low anchor", "mid anchor")


def tone(frequency, seconds, rate, level=0.0, phase=0.0):
    """Return a sine; its amplitude is `level` dB relative to full scale."""
    t = np.arange(round(seconds * rate)) / rate
    return 10 ** (level / 20) * np.sin(2 * np.pi * frequency * t + phase)


def noise(seconds=0.8, seed=0, n_channels=None, rate=RATE):
    """Return noise that begins with a pause, which gates leave out."""
    shape = (round(seconds * rate / 4) * 4,) if n_channels is None else (n_channels, 12800)
    x = 0.1 * np.random.default_rng(seed).standard_normal(shape)
    x[..., : shape[-1] // 8] *= 1e-3
    return x


def level(clip):
    return 10 * np.log10(np.mean(np.square(clip)))


def make_pairs():
    Y = [noise(seed=0), noise(0.6, seed=1)]
    return Decimator(4).transform(Y), Y


def make_two_trials(pairs):
    X, Y = pairs
    systems = {"zebra": SplineUpsampler().fit(X, Y), "yak": [0.3 * y for y in Y]}
    return make_stimuli(
        systems, Y, X, sampling_rate=RATE, names=["aardvark", "bee"], narrowband=True
    )


def write_test(stimuli, tmp_path_factory):
    folder = tmp_path_factory.mktemp("listening") / "test"
    page = make_listening_test(stimuli, folder, title="A <b> & “c”", random_state=0)
    assert page == folder / "page" / "index.html"
    return folder


def read_json(path):
    return json.loads(path.read_text())


# ---- panels of made-up listeners


def answer(key, scores, listener="A", **changes):
    """Return the answers of a listener, given scores of shape (n_recordings, n_systems)."""
    trials = [
        {
            "trial": trial["id"],
            "seconds": 12.5,
            "comment": "",
            "reference": {"heard": 0.5},
            "stimuli": [
                {"stimulus": i, "score": int(row[key["systems"].index(system)]), "heard": 0.5}
                for i, system in trial["stimuli"].items()
            ],
        }
        for trial, row in zip(key["trials"], scores, strict=True)
    ]
    answers = {
        "format": "sklearn-audiosr listening answers",
        "version": 2,
        "test": key["test"],
        "listener": listener,
        "transducer": "headphones",
        "device_rate": 48000,
        "trials": trials,
        **changes,
    }
    return {**answers, "checksum": checksum(answers)}


def make_key(systems, recordings):
    return {
        "format": "sklearn-audiosr listening key",
        "version": 1,
        "test": "0123456789ab",
        "title": "made up",
        "sampling_rate": 16000,
        "systems": list(systems),
        "trials": [
            {
                "id": f"t{i}",
                "recording": recording,
                "stimuli": {f"s{i}{j}": name for j, name in enumerate(systems)},
            }
            for i, recording in enumerate(recordings)
        ],
    }


def scores_of(n_listeners, n_recordings, a=60, b=40, mid=70):
    """Return the scores of good listeners: hidden reference, a, b, low and mid anchor."""
    row = [100, a, b, 20, mid]
    return np.tile(np.array(row, dtype=int), (n_listeners, n_recordings, 1))


def write_panel(tmp_path):
    """Return a function that writes a test without sounds and answers to it, and analyses them."""

    def analyse(scores, systems=None, recordings=None, **options):
        scores = np.asarray(scores)
        systems = systems or ["hidden reference", "a", "b", "low anchor", "mid anchor"]
        recordings = recordings or [f"r{i}" for i in range(scores.shape[1])]
        key = make_key(systems, recordings)
        (tmp_path / "key.json").write_text(json.dumps(key))
        folder = tmp_path / "answers"
        folder.mkdir(exist_ok=True)
        for i, own in enumerate(scores):
            content = answer(key, own, listener=chr(65 + i))
            (folder / f"{i}.json").write_text(json.dumps(content))
        return analyze(folder, tmp_path, **options)

    return analyse


def mutate(path, *keys, value=None, mend=True):
    """Change one field of a file; `mend` makes the checksum fit again."""
    content = record = read_json(path)
    for key in keys[:-1]:
        record = record[key]
    record[keys[-1]] = value
    if mend:
        content["checksum"] = checksum(content)
    path.write_text(json.dumps(content))


# ---- a browser, and the page of a test of two trials

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]

RECORDINGS = ("first", "second")


def run_browser():
    """Yield a Chromium that this machine has; none is ever downloaded."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on the path")
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()


def write_page(tmp_path_factory):
    Y = 0.1 * np.random.default_rng(0).standard_normal((2, 16000))
    systems = {"good": Y + 0.01, "poor": np.sign(Y)}
    stimuli = make_stimuli(systems, Y, sampling_rate=16000, names=RECORDINGS)
    folder = tmp_path_factory.mktemp("page") / "a test"  # names with blanks are common
    make_listening_test(
        stimuli, folder, title="Ein <b>Test</b>", consent="I agree.", random_state=0
    )
    return folder


def address(folder_of_test):
    return (folder_of_test / "page" / "index.html").as_uri()


def open_page(browser, folder_of_test):
    """Yield the first page in a fresh browser; a console message or a request fails the test."""
    context = browser.new_context(viewport={"width": 1000, "height": 900})
    context.set_default_timeout(10000)
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.on(
        "request",
        lambda request: request.url.startswith("file:") or complaints.append(request.url),
    )
    page.goto(address(folder_of_test))
    yield page
    context.close()
    # a page asks for nothing but its own files; what it hands over to be saved is a blob
    assert [text for text in complaints if not text.startswith("blob:file:")] == []


def open_idle_page(browser, folder_of_test):
    """Yield a page that nobody uses, to test its scripts alone."""
    page = browser.new_page()
    page.goto(address(folder_of_test))
    yield page
    page.close()


def log_in(page, listener="L 1", transducer="headphones"):
    page.fill("#listener", listener)
    page.check(f"input[value={transducer}]")
    if page.is_visible("#consent"):
        page.check("#consent input")
    page.click("#start .primary")
    wait(page)


def wait(page):
    page.wait_for_function("!at('trial').hidden && !at('trial').inert")


def skip_training(page):
    for number in (1, 2):
        assert page.inner_text("#step") == f"Training {number} of 2"
        assert page.inner_text("#next") == ("Continue" if number == 1 else "Start the test")
        page.click("#next")
        wait(page)


def fill_in(page, score=50):
    """Mark everything of a trial as heard and rated."""
    page.evaluate(
        """(score) => {
          for (const name of ["reference", ...session.step.order]) {
            session.step.heard[name] = 1;
            if (name !== "reference") session.step.scores[name] = score;
          }
          refresh();
        }""",
        score,
    )
