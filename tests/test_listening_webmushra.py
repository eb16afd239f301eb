"""The export of a listening test for webMUSHRA."""

import html.parser
import re

import numpy as np
import pytest
import soundfile
import yaml
from hypothesis import given
from hypothesis import strategies as st
from listening_helpers import RATE, SYSTEMS, make_pairs, make_two_trials, noise

from sklearn_audiosr.listening import export_webmushra, make_stimuli
from sklearn_audiosr.listening._webmushra import dump_yaml

pairs = pytest.fixture(scope="module")(make_pairs)
stimuli = pytest.fixture(scope="module")(make_two_trials)


def test_webmushra_configuration(stimuli, tmp_path):
    title = 'it\'s: "50 %" # 😀 \x85 \u2028 \\ end'
    path = export_webmushra(stimuli, tmp_path / "export", name="my-test", title=title)
    assert path == tmp_path / "export" / "configs" / "my-test.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert (config["testname"], config["testId"]) == (title, "my-test")
    welcome, (keyword, *trials), finish = config["pages"]
    assert (welcome["type"], keyword, finish["type"]) == ("generic", "random", "finish")
    assert finish["writeResults"] is True
    for trial, clips in zip(trials, stimuli.clips.values(), strict=True):
        assert trial["type"] == "mushra"
        assert trial["strict"] is True
        assert trial["createAnchor35"] is trial["createAnchor70"] is False
        assert set(trial["stimuli"]) == set(SYSTEMS) - {"hidden reference"}
        sounds = {**trial["stimuli"], "hidden reference": trial["reference"]}
        assert not re.search("zebra|yak|anchor|reference", " ".join(sounds.values()))
        for system, sound in sounds.items():
            clip, rate = soundfile.read(tmp_path / "export" / sound, always_2d=True)
            assert rate == 48000
            np.testing.assert_allclose(clip.T, clips[system], atol=2**-16 + 1e-9)


def test_webmushra_options(stimuli, tmp_path):
    with pytest.raises(ValueError, match='name must consist of letters.*"../x"|../x'):
        export_webmushra(stimuli, tmp_path / "export", name="../x")
    assert list(tmp_path.iterdir()) == []
    path = export_webmushra(
        stimuli, tmp_path / "export", instructions="<script>\n\nsecond", loop=False
    )
    config = yaml.safe_load(path.read_text())
    assert config["pages"][0]["content"] == "<p>&lt;script&gt;</p><p>second</p>"
    assert config["pages"][1][1]["enableLooping"] is False
    with pytest.warns(UserWarning, match="12"):
        long = make_stimuli({"a": [noise(12.5)]}, [noise(12.5)], sampling_rate=RATE)
    path = export_webmushra(long, tmp_path / "long")
    assert yaml.safe_load(path.read_text())["pages"][1][1]["strict"] is False


values = st.recursive(
    st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(st.text(max_size=9), inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
).filter(lambda value: isinstance(value, (dict, list)))


@given(values)
def test_yaml_is_read_as_it_was_meant(value):
    assert yaml.safe_load(dump_yaml(value)) == value


class Names(html.parser.HTMLParser):
    """The text and the attributes that a browser reads from HTML."""

    def __init__(self, source):
        super().__init__()
        self.text, self.attributes = "", []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.attributes.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def test_names_survive_the_html_that_webmushra_makes_of_them(tmp_path):
    """webMUSHRA quotes the name of a stimulus with ', and writes that of a page into the page."""
    names = ["it's", "a & b", "<b>", "&lt;", 'x" y']
    Y = np.array([noise()])
    stimuli = make_stimuli(dict.fromkeys(names, Y), Y, sampling_rate=RATE)
    path = export_webmushra(stimuli, tmp_path / "export", title="A <b> & 'c' &amp; d")
    welcome, (_, trial), _ = yaml.safe_load(path.read_text())["pages"]
    sliders = "".join(f"<input name='{name}' class='scales'>" for name in trial["stimuli"])
    found = Names(sliders).attributes
    assert found == [
        ("input", {"name": name, "class": "scales"})
        for name in [*names, "low anchor", "mid anchor"]
    ]
    heading = Names(welcome["name"])
    assert (heading.text, heading.attributes) == ("A <b> & 'c' &amp; d", [])
