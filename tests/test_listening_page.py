"""The page of a listening test in a browser: a scripted listener goes through it from a disk."""

import base64
import itertools
import json
import shutil

import numpy as np
import pytest

from sklearn_audiosr.listening import analyze, make_listening_test, make_stimuli

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

SYSTEMS = ("hidden reference", "good", "poor", "low anchor", "mid anchor")
RECORDINGS = ("first", "second")
PLANTED = {
    "first": dict(zip(SYSTEMS, (100, 81, 37, 0, 62), strict=True)),
    "second": dict(zip(SYSTEMS, (100, 74, 45, 13, 70), strict=True)),
}


@pytest.fixture(scope="module")
def browser():
    """Return a Chromium that this machine has; none is ever downloaded."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on the path")
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def folder_of_test(tmp_path_factory):
    Y = 0.1 * np.random.default_rng(0).standard_normal((2, 16000))
    systems = {"good": Y + 0.01, "poor": np.sign(Y)}
    stimuli = make_stimuli(systems, Y, sampling_rate=16000, names=RECORDINGS)
    folder = tmp_path_factory.mktemp("page") / "a test"  # names with blanks are common
    make_listening_test(
        stimuli, folder, title="Ein <b>Test</b>", consent="I agree.", random_state=0
    )
    return folder


@pytest.fixture
def page(browser, folder_of_test):
    """A fresh browser on the first page; anything on its console or any request is a failure."""
    context = browser.new_context(viewport={"width": 1000, "height": 900})
    context.set_default_timeout(10000)
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.on(
        "request",
        lambda request: request.url.startswith("file:") or complaints.append(request.url),
    )
    page.goto((folder_of_test / "page" / "index.html").as_uri())
    yield page
    context.close()
    # a page asks for nothing but its own files; what it hands over to be saved is a blob
    assert [text for text in complaints if not text.startswith("blob:file:")] == []


@pytest.fixture(scope="module")
def idle_page(browser, folder_of_test):
    """Return a page that nobody uses: its scripts alone are of interest."""
    page = browser.new_page()
    page.goto((folder_of_test / "page" / "index.html").as_uri())
    yield page
    page.close()


def log_in(page, listener="L 1", transducer="headphones"):
    page.fill("#listener", listener)
    page.check(f"input[value={transducer}]")
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


def systems_in_order(page, key):
    """The recording of the trial, and the system behind each letter."""
    trials = {trial["id"]: trial for trial in key["trials"]}
    trial = trials[page.evaluate("session.step.trial")]
    order = page.evaluate("session.step.order")
    return trial["recording"], [trial["stimuli"][name] for name in order]


def hear_enough(page):
    page.wait_for_function("(session.step.heard[player.selected] ?? 0) >= Player.MIN_LOOP")


def rate_by_keys(page, score):
    """From where the slider is: Home, then tens, then ones."""
    for key, times in (("Home", 1), ("PageUp", score // 10), ("ArrowUp", score % 10)):
        for _ in range(times):
            page.keyboard.press(key)


def rate_by_mouse(page, number, score):
    slider = page.locator(".stimulus input").nth(number)
    box, thumb = slider.bounding_box(), 24
    way = box["height"] - thumb  # of the middle of the thumb
    y = box["y"] + box["height"] - thumb / 2 - way * score / 100
    page.mouse.click(box["x"] + box["width"] / 2, y)


def do_trial(page, key, *, by_keys):
    """Hear and rate every stimulus of a trial as planted."""
    recording, systems = systems_in_order(page, key)
    page.keyboard.press("r")
    hear_enough(page)
    for number, system in enumerate(systems):
        assert page.is_disabled("#next")
        if by_keys:
            page.keyboard.press("abcde"[number])
            rate_by_keys(page, PLANTED[recording][system])
        else:
            page.locator(".stimulus .name").nth(number).click()
            rate_by_mouse(page, number, PLANTED[recording][system])
        hear_enough(page)
    page.wait_for_function("!at('next').disabled")
    return recording


def finish(page, folder):
    with page.expect_download() as download:
        page.click("#next")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_listener_goes_through_the_test(page, folder_of_test, tmp_path):
    """Keys in the first trial, the mouse in the second, a reload in between: all scores arrive."""
    key = json.loads((folder_of_test / "key.json").read_text())
    assert page.title() == page.inner_text("h1") == "Ein <b>Test</b>"
    log_in(page)
    skip_training(page)
    assert page.inner_text("#step") == "Trial 1 of 2"
    first = do_trial(page, key, by_keys=True)
    page.click("text=Add a comment")
    page.locator("#comment").press_sequentially("abc [ 7")  # no key has another meaning here
    assert page.evaluate("player.start") == 0
    page.click("#next")
    wait(page)
    page.keyboard.press("b")
    rate_by_keys(page, 55)
    hear_enough(page)
    page.reload()
    wait(page)
    assert page.inner_text("#step") == "Trial 2 of 2"
    assert page.locator(".stimulus output").all_inner_texts() == ["–", "55", "–", "–", "–"]
    assert "A, C, D, E." in page.inner_text("#missing").split("rate:")[1]
    second = do_trial(page, key, by_keys=False)
    path = finish(page, tmp_path)
    assert path.name == f"answers-{key['test']}-L-1.json"
    assert page.inner_text("#file-name") == path.name
    result = analyze(path, folder_of_test)
    assert (result.listeners, result.simulated) == (["L 1"], False)
    for i, recording in enumerate(RECORDINGS):
        planted = [PLANTED[recording][system] for system in SYSTEMS]
        # a pixel of the mouse is a quarter of a point
        tolerance = 0 if recording == first else 1
        np.testing.assert_allclose(result.scores[0, i], planted, atol=tolerance)
    assert {first, second} == set(RECORDINGS)
    assert result.comments == [("L 1", first, "abc [ 7")]
    assert (result.seconds > 2.5).all()
    answers = json.loads(path.read_text())
    assert answers["transducer"] == "headphones"
    assert answers["device_rate"] >= 44100
    for trial in answers["trials"]:
        heard = [record["heard"] for record in [trial["reference"], *trial["stimuli"]]]
        assert min(heard) >= 0.5
        assert sum(heard) <= trial["seconds"] + 0.5
    with page.expect_download() as download:
        page.click("text=Save the file again")
    assert json.loads(download.value.path().read_text()) == answers
    page.reload()  # the end is kept too
    assert page.inner_text("#file-name") == path.name
    page.click("text=Next listener")
    assert page.is_visible("#listener")
    assert page.input_value("#listener") == ""


# The player in an OfflineAudioContext: the stimulus "rise" is 0.1, 0.2, ... by the half second, and
# "fall" is its negative, so that a value tells what was played and which instant of it.
RENDER = """
async ([loop, region, actions, seconds]) => {
  const rate = 48000;
  const context = new OfflineAudioContext(1, seconds * rate, rate);
  const player = new Player(context);
  const buffers = new Map();
  for (const [name, sign] of [["rise", 1], ["fall", -1]]) {
    const buffer = context.createBuffer(1, 2 * rate, rate);
    const values = Float32Array.from({ length: 2 * rate }, (_, i) => sign * (0.1 + i / rate / 4));
    buffer.copyToChannel(values, 0);
    buffers.set(name, buffer);
  }
  player.load(buffers);
  player.setLooping(loop);
  if (region) player.setRegion(...region);
  player.play(0);
  for (const [name, at] of actions) player.select(name, at);
  const rendered = await context.startRendering();
  const bytes = new Uint8Array(rendered.getChannelData(0).buffer);
  return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
}
"""


def render(page, *, loop=False, region=None, actions=(), seconds=2):
    rendered = page.evaluate(RENDER, [loop, region, list(actions), seconds])
    return np.frombuffer(base64.b64decode(rendered), dtype="<f4")


def ramp(start, stop):
    """What "rise" is from an instant to another, in seconds."""
    return 0.1 + np.arange(round(start * 48000), round(stop * 48000)) / 48000 / 4


def frames(seconds):
    return round(seconds * 48000)


def test_signals_are_switched_at_the_same_instant(idle_page):
    """5 ms out and 5 ms in, never both, and not a frame lost."""
    y = render(idle_page, actions=[["fall", 0.5], ["rise", 1.0]])
    fade = frames(0.005)
    expected = np.concatenate([ramp(0, 0.5), -ramp(0.5, 1.0), ramp(1.0, 2.0)])
    steady = np.ones(len(expected), dtype=bool)
    for edge in (0, frames(0.5) + fade, frames(1.0) + fade, len(expected)):
        steady[max(0, edge - fade) : edge + fade] = False
    np.testing.assert_allclose(y[steady], expected[steady], atol=1e-6)
    out, back = (y[frames(0.5) + fade * k : frames(0.5) + fade * (k + 1)] for k in (0, 1))
    cosine = 0.5 + 0.5 * np.cos(np.pi * np.arange(fade) / fade)
    np.testing.assert_allclose(out, ramp(0.5, 0.505) * cosine, atol=2e-3)
    np.testing.assert_allclose(back, -ramp(0.505, 0.51) * (1 - cosine), atol=2e-3)


def test_quick_switches_wait_for_each_other(idle_page):
    y = render(idle_page, actions=[["fall", 0.5], ["rise", 0.5], ["fall", 0.501]])
    np.testing.assert_allclose(y[frames(0.53) : frames(1.9)], -ramp(0.53, 1.9), atol=1e-6)
    assert np.abs(np.diff(y)).max() < 0.005  # no click


def test_loop_repeats_its_region_with_faded_ends(idle_page):
    y = render(idle_page, loop=True, region=[0.5, 1.25], seconds=3)
    length, fade = frames(0.75), frames(0.005)
    loops = y[: 4 * length].reshape(4, length)
    for loop in loops:
        np.testing.assert_allclose(loop[fade:-fade], ramp(0.505, 1.245), atol=1e-6)
    np.testing.assert_allclose(loops[1:], np.tile(loops[1], (3, 1)), atol=1e-7)
    assert np.abs(loops[1:, [0, -1]]).max() < 1e-4
    short = render(idle_page, loop=True, region=[1.0, 1.1], seconds=1)  # 500 ms at least
    np.testing.assert_allclose(short[fade : frames(0.495)], ramp(1.005, 1.495), atol=1e-6)
    np.testing.assert_allclose(short[frames(0.505) : frames(0.9)], ramp(1.005, 1.4), atol=1e-6)


def test_without_loop_the_region_is_played_once(idle_page):
    y = render(idle_page, region=[0.5, 1.25], seconds=1)
    np.testing.assert_allclose(y[frames(0.005) : frames(0.745)], ramp(0.505, 1.245), atol=1e-6)
    assert not y[frames(0.75) :].any()


def test_position_goes_on_through_a_switch(page):
    log_in(page)
    page.keyboard.press("a")
    gaps = page.evaluate(
        """async () => {
          const gaps = [];
          for (const key of "bcdeab") {
            await new Promise((resolve) => setTimeout(resolve, 60));
            const before = [context.currentTime, player.position];
            document.activeElement.dispatchEvent(
              new KeyboardEvent("keydown", { key, bubbles: true }),
            );
            const after = [context.currentTime, player.position];
            const length = player.end - player.start;
            const step = after[1] - before[1] - (after[0] - before[0]);
            gaps.push(Math.min(Math.abs(step), Math.abs(step + length)));
          }
          return gaps;
        }"""
    )
    assert max(gaps) < 1e-9
    assert page.evaluate("player.playing")
    assert page.evaluate("session.step.order.indexOf(player.selected)") == 1


def test_keys(page):
    log_in(page)
    page.keyboard.press("Space")
    assert page.inner_text("#play .text") == "Pause"
    assert page.get_attribute("#reference", "aria-pressed") == "true"
    page.keyboard.press("c")
    buttons = page.locator(".stimulus .name")
    pressed = [b.get_attribute("aria-pressed") for b in buttons.all()]
    assert pressed == ["false", "false", "true", "false", "false"]
    sliders = page.locator(".stimulus input")
    # the slider of what is heard is the only one that can be moved, and has the focus
    assert [s.is_enabled() for s in sliders.all()] == [False, False, True, False, False]
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == (
        "Rating of stimulus C"
    )
    assert sliders.nth(2).get_attribute("aria-valuetext") == "not rated"
    score = page.locator(".stimulus output").nth(2)
    for key, expected in [
        ("ArrowUp", 1),
        ("ArrowRight", 2),
        ("PageUp", 12),
        ("ArrowDown", 11),
        ("ArrowLeft", 10),
        ("PageDown", 0),
        ("ArrowDown", 0),
        ("End", 100),
        ("PageUp", 100),
        ("Home", 0),
    ]:
        page.keyboard.press(key)
        assert score.inner_text() == str(expected), key
    assert sliders.nth(2).get_attribute("aria-valuetext") == "0, Bad"
    page.keyboard.press("Space")
    assert page.inner_text("#play .text") == "Play"
    page.keyboard.press("r")
    assert page.inner_text("#play .text") == "Pause"
    page.keyboard.press("End")  # the reference has no rating
    assert page.locator(".stimulus output").all_inner_texts() == ["–", "–", "0", "–", "–"]
    page.keyboard.press("k")  # no such stimulus
    assert page.get_attribute("#reference", "aria-pressed") == "true"


def test_loop_keys_and_handles(page):
    log_in(page)
    page.keyboard.press("o")
    assert page.get_attribute("#loop", "aria-pressed") == "false"
    assert page.evaluate("player.looping") is False
    page.keyboard.press("o")
    assert page.evaluate("player.looping") is True
    page.focus("#loop-start")
    for _ in range(20):
        page.keyboard.press("ArrowRight")  # by a hundredth of the clip
    assert page.evaluate("[player.start, player.end]") == pytest.approx([0.2, 1], abs=1e-3)
    assert page.get_attribute("#loop-start", "aria-valuetext") == "0.2 seconds"
    page.keyboard.press("End")  # half a second must stay
    assert page.evaluate("[player.start, player.end]") == pytest.approx([0.5, 1], abs=1e-3)
    assert float(page.input_value("#loop-start")) == pytest.approx(0.5, abs=1e-3)
    page.keyboard.press("Home")
    page.focus("#loop-end")
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    page.focus("#loop-start")
    page.keyboard.press("End")  # stops before the other handle, and does not push it
    assert page.evaluate("[player.start, player.end]") == pytest.approx([0.3, 0.8], abs=1e-3)
    page.keyboard.press("x")
    assert page.evaluate("[player.start, player.end]") == pytest.approx([0, 1], abs=1e-3)
    page.keyboard.press("Space")
    page.wait_for_function("player.position > 0.1 && player.position < 0.4")
    page.keyboard.press("[")
    start = page.evaluate("player.start")
    assert 0.1 < start < 0.5
    page.wait_for_function("player.position > player.start + 0.2")
    assert page.evaluate("player.playing")
    page.wait_for_function("player.context.currentTime - player.origin > player.end - player.start")
    assert page.evaluate("player.position >= player.start")


def test_nothing_is_rated_by_accident(page):
    log_in(page)
    box = page.locator(".stimulus input").nth(1).bounding_box()
    page.mouse.click(box["x"] + 10, box["y"] + 100)  # brings the stimulus, and moves nothing
    assert page.evaluate("player.playing && session.step.order.indexOf(player.selected)") == 1
    assert page.locator(".stimulus output").nth(1).inner_text() == "–"
    page.mouse.click(box["x"] + 10, box["y"] + 100)
    assert 60 < int(page.locator(".stimulus output").nth(1).inner_text()) < 90


def test_scores_below_100_alone_are_remarked_upon_but_accepted(page):
    log_in(page)
    skip_training(page)
    page.evaluate(
        """() => {
          for (const name of ["reference", ...session.step.order]) {
            session.step.heard[name] = 1;
            if (name !== "reference") session.step.scores[name] = 50;
          }
          refresh();
        }"""
    )
    assert "it deserves 100" in page.inner_text("#missing")
    assert page.is_enabled("#next")
    page.keyboard.press("a")
    page.keyboard.press("End")
    assert page.inner_text("#missing") == ""


def test_orders_differ_by_listener_and_come_again(idle_page):
    found = idle_page.evaluate(
        """() => ["ann", "bob", "eve", "ann"].map((listener) => {
          const session = new Session(listeningTest, null);
          session.begin(listener, "headphones");
          return session.state.steps.map((step) => [step.trial, ...step.order]);
        })"""
    )
    assert found[0] == found[3]
    for first, second in itertools.combinations(found[:3], 2):
        assert first != second
    for own in found:
        training, test = own[:2], own[2:]
        assert {trial[0] for trial in training} == {trial[0] for trial in test}
        by_trial = {trial[0]: trial[1:] for trial in training}
        assert any(by_trial[trial[0]] != trial[1:] for trial in test)


def test_every_order_is_as_likely(idle_page):
    """Over 600 listeners each of five stimuli stands at each place about 120 times."""
    counts = idle_page.evaluate(
        """() => {
          const counts = Array.from({ length: 5 }, () => [0, 0, 0, 0, 0]);
          for (let i = 0; i < 600; i++) {
            const order = shuffled([0, 1, 2, 3, 4], hash(`test/listener ${i}`), "test/x");
            order.forEach((item, place) => counts[item][place]++);
          }
          return counts;
        }"""
    )
    # five standard deviations of a binomial number
    assert np.abs(np.array(counts) - 120).max() < 5 * np.sqrt(600 * 0.2 * 0.8)


def test_start_over_forgets_the_listener(page):
    log_in(page)
    page.keyboard.press("a")
    page.keyboard.press("End")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("text=Not L 1? Start over")
    assert page.is_visible("#listener")
    log_in(page, "L 2", "loudspeakers")
    assert page.evaluate("session.state.transducer") == "loudspeakers"
    assert page.locator(".stimulus output").all_inner_texts() == ["–"] * 5


def test_start_asks_for_everything(page):
    for fill in (
        lambda: page.fill("#listener", "  "),
        lambda: page.fill("#listener", "L"),
        lambda: page.check("input[value=headphones]"),
    ):
        fill()
        page.click("#start .primary")
        assert page.is_visible("#welcome")
    page.check("#consent input")
    page.click("#start .primary")
    wait(page)


def test_device_of_a_low_rate_is_told(page):
    page.evaluate("context = new AudioContext({ sampleRate: 8000 })")
    log_in(page)
    assert page.inner_text("#alert").startswith("This device plays 8000 Hz, less than the 16000")
    assert page.evaluate("session.answers().device_rate") == 8000


def test_missing_sounds_are_told(browser, folder_of_test, tmp_path):
    folder = shutil.copytree(folder_of_test, tmp_path / "copy")
    shutil.rmtree(folder / "page" / "audio")
    page = browser.new_page()
    page.goto((folder / "page" / "index.html").as_uri())
    page.fill("#listener", "L")
    page.check("input[value=headphones]")
    page.check("#consent input")
    page.click("#start .primary")
    page.wait_for_selector("#alert:has-text('is missing: the whole folder is needed')")
    page.context.close()


def test_page_fits_the_screen(page):
    log_in(page)
    for width in (360, 700, 760, 1400):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for slider in page.locator(".stimulus input").all():
            box = slider.bounding_box()
            longest = max(box["width"], box["height"])
            assert longest >= (378 if width >= 740 else 150)  # 10 cm where there is room
