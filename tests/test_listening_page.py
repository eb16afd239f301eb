"""The page of a listening test in a browser: a scripted listener goes through it from a disk."""

import json
import shutil

import numpy as np
import pytest
from listening_helpers import (
    RECORDINGS,
    address,
    fill_in,
    log_in,
    open_page,
    read_json,
    run_browser,
    skip_training,
    wait,
    write_page,
)

from sklearn_audiosr.listening import analyze, make_listening_test, make_stimuli

browser = pytest.fixture(scope="module")(run_browser)
folder_of_test = pytest.fixture(scope="module")(write_page)
page = pytest.fixture(open_page)

SYSTEMS = ("hidden reference", "good", "poor", "low anchor", "mid anchor")
PLANTED = {
    "first": dict(zip(SYSTEMS, (100, 81, 37, 0, 62), strict=True)),
    "second": dict(zip(SYSTEMS, (100, 74, 45, 13, 70), strict=True)),
}


LEAVE_WHILE_LOADING = "async () => { const loaded = showTrial(); restart(); await loaded; }"


def systems_in_order(page, key):
    """Return the recording of the trial, and the system behind each letter."""
    trials = {trial["id"]: trial for trial in key["trials"]}
    trial = trials[page.evaluate("session.step.trial")]
    order = page.evaluate("session.step.order")
    return trial["recording"], [trial["stimuli"][name] for name in order]


def hear_enough(page):
    page.wait_for_function("(session.step.heard[player.selected] ?? 0) >= Player.MIN_LOOP")


def rate_by_keys(page, score):
    """Move the slider by keys: Home, then tens, then ones."""
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
    key = read_json(folder_of_test / "key.json")
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
    answers = read_json(path)
    assert answers["transducer"] == "headphones"
    assert answers["device_rate"] >= 44100
    for trial in answers["trials"]:
        heard = [record["heard"] for record in [trial["reference"], *trial["stimuli"]]]
        assert min(heard) >= 0.5
        assert sum(heard) <= trial["seconds"] + 0.5
    with page.expect_download() as download:
        page.click("text=Save the file again")
    assert read_json(download.value.path()) == answers
    page.reload()  # the end is kept too
    assert page.inner_text("#file-name") == path.name
    page.click("text=Next listener")
    assert page.is_visible("#listener")
    assert page.input_value("#listener") == ""


def test_scores_below_100_alone_are_remarked_upon_but_accepted(page):
    log_in(page)
    skip_training(page)
    fill_in(page, 50)
    assert "it deserves 100" in page.inner_text("#missing")
    assert page.is_enabled("#next")
    page.keyboard.press("a")
    page.keyboard.press("End")
    assert page.inner_text("#missing") == ""


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
    page.goto(address(folder))
    page.fill("#listener", "L")
    page.check("input[value=headphones]")
    page.check("#consent input")
    page.click("#start .primary")
    page.wait_for_selector("#alert:has-text('is missing: the whole folder is needed')")
    page.on("dialog", lambda dialog: dialog.accept())
    page.evaluate(LEAVE_WHILE_LOADING)  # who has left is not told
    assert page.is_hidden("#alert")
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


def test_start_over_while_a_trial_is_loaded(page):
    """No signal and no message of a listener who left reaches the next one."""
    log_in(page)
    page.on("dialog", lambda dialog: dialog.accept())
    page.evaluate(LEAVE_WHILE_LOADING)
    assert page.is_visible("#welcome")
    assert page.is_hidden("#alert")
    log_in(page, "L 2")
    assert page.inner_text("#step") == "Training 1 of 2"
    page.keyboard.press("a")
    assert page.evaluate("player.playing")


def test_warning_of_a_device_goes_with_its_listener(page):
    page.evaluate("context = new AudioContext({ sampleRate: 8000 })")
    log_in(page)
    assert page.is_visible("#alert")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#restart")
    assert page.is_hidden("#alert")


def test_next_listener_finds_nothing_of_the_last(page):
    """Neither "Copied" nor the answers in the text to copy by hand."""
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
    for listener in ("L 1", "L 2"):
        log_in(page, listener)
        skip_training(page)
        for _ in range(2):
            fill_in(page, 100)
            page.click("#next")
            page.wait_for_function("at('trial').hidden || !at('trial').inert")
        assert page.inner_text("#copied") == ""
        assert page.is_hidden("#answers")
        page.click("#copy")
        page.wait_for_selector("#answers")
        assert json.loads(page.input_value("#answers"))["listener"] == listener
        page.click("text=Next listener")


@pytest.fixture
def page_of_one(browser, tmp_path):
    """Open the page of one stereo recording with a silent left channel, and hostile names."""
    Y = np.zeros((1, 2, 16000))
    Y[0, 1, 4000:12000] = 0.1 * np.random.default_rng(0).standard_normal(8000)
    systems = {"<img src=x onerror=alert(1)>": Y}
    stimuli = make_stimuli(systems, Y, sampling_rate=16000, names=["</script>"])
    make_listening_test(
        stimuli, tmp_path / "test", title="</script><b>'\"", closing="<i>", training=False
    )
    yield from open_page(browser, tmp_path / "test")


def test_one_stereo_recording(page_of_one, tmp_path):
    page = page_of_one
    assert page.title() == page.inner_text("h1") == "</script><b>'\""
    log_in(page, "Zoë दि 🎧 <b>")
    assert page.inner_text("#step") == "Trial 1 of 1"
    assert page.inner_text("#next") == "Finish"
    fill_in(page, 100)
    path = finish(page, tmp_path)
    assert path.name.endswith("-Zoë-दि-b-.json")
    assert page.inner_text("#closing") == "<i>"
    result = analyze(path, tmp_path / "test")
    assert result.listeners == ["Zoë दि 🎧 <b>"]
    assert result.overall["<img src=x onerror=alert(1)>"]["mean"] == 100


def test_waveform_is_that_of_all_channels(page_of_one):
    """Noise in the right channel from a quarter to three quarters, nothing in the left one."""
    log_in(page_of_one)
    heights = page_of_one.evaluate(
        """() => {
          const { width, height } = at("wave");
          const { data } = at("wave").getContext("2d").getImageData(0, 0, width, height);
          return Array.from({ length: width }, (_, x) => {
            let drawn = 0;
            for (let y = 0; y < height; y++) drawn += data[4 * (y * width + x) + 3] > 0;
            return drawn / height;
          });
        }"""
    )
    quarter = len(heights) // 4
    inside, outside = heights[quarter + 5 : 3 * quarter - 5], heights[: quarter - 5]
    assert max(outside) < 0.1
    assert 0.8 < max(inside) < 0.95
