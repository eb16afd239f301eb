"""The player of a listening test's page: loops, fades, switches at the same instant."""

import base64

import numpy as np
import pytest
from listening_helpers import log_in, open_idle_page, open_page, run_browser, write_page

browser = pytest.fixture(scope="module")(run_browser)
folder_of_test = pytest.fixture(scope="module")(write_page)
idle_page = pytest.fixture(scope="module")(open_idle_page)
page = pytest.fixture(open_page)

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


def test_switches_may_follow_at_once_at_any_time(idle_page):
    """If rounding made two fades overlap, the browser would raise an error and play two signals."""
    failures = idle_page.evaluate(
        """() => {
          const context = new OfflineAudioContext(1, 48000, 48000);
          const buffer = context.createBuffer(1, 48000, 48000);
          let failures = 0;
          for (let i = 0; i < 300; i++) {
            const player = new Player(context);
            player.load(new Map([["a", buffer], ["b", buffer]]));
            player.play(0);
            try {
              for (const name of "baba") player.select(name, 0.003 * i + Math.PI / 1e4);
            } catch {
              failures++;
            }
          }
          return failures;
        }"""
    )
    assert failures == 0


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
    """A switch does not change which instant plays at a later time."""
    log_in(page)
    page.keyboard.press("a")
    gaps = page.evaluate(
        """async () => {
          const gaps = [];
          for (const key of "bcdeab") {
            await new Promise((resolve) => setTimeout(resolve, 60));
            const later = context.currentTime + 0.3; // the clock goes on meanwhile
            const before = player.elapsed(later);
            document.activeElement.dispatchEvent(
              new KeyboardEvent("keydown", { key, bubbles: true }),
            );
            gaps.push(Math.abs(player.elapsed(later) - before));
          }
          return gaps;
        }"""
    )
    assert gaps == [0] * 6
    assert page.evaluate("player.playing")
    assert page.evaluate("session.step.order.indexOf(player.selected)") == 1
