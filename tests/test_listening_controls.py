"""Keys, handles and sliders of a listening test's page."""

import pytest
from listening_helpers import log_in, open_page, run_browser, write_page

browser = pytest.fixture(scope="module")(run_browser)
folder_of_test = pytest.fixture(scope="module")(write_page)
page = pytest.fixture(open_page)


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
