"""What the benchmarks count is right, and the script for GPUs runs where there is none."""

import contextlib
import csv
import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import soundfile
import torch
from recipe_helpers import write_recordings

from benchmarks import bench_held_out, bench_pretrained
from benchmarks.bench_network import format_table
from benchmarks.networks import PATCH_LENGTH, PlainLoop
from benchmarks.pack_clips import read_clips
from recipes.recipe import RECIPES
from sklearn_audiosr import SplineUpsampler, load, load_pretrained
from sklearn_audiosr._models import pretrained
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.networks import AudioUNet, _unet_module
from sklearn_audiosr.networks._fast import convolution
from tools.scores import score
from tools.timing import count_operations, plain_convolutions

ROOT = Path(__file__).parents[1]


def run(module, *args):
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, args)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


@contextlib.contextmanager
def direct_convolutions():
    """Inside, networks compute with this package's channels-last layers, but directly."""
    with mock.patch.object(convolution, "choose_plan", lambda *args: None):
        yield


@pytest.mark.parametrize(
    ("parameters", "n_million", "gflop"),
    [({}, 56.4, 203), ({"n_filters": [128, 384, 512, 512]}, 71.0, 280)],
)
def test_operations_and_weights_of_the_paper_s_networks(monkeypatch, parameters, n_million, gflop):
    monkeypatch.setattr(_unet_module, "initialize_orthogonal", lambda *args: None)  # takes seconds
    network = AudioUNet(**parameters).build()
    n_weights = sum(parameter.numel() for parameter in network.parameters())
    assert n_weights / 1e6 == pytest.approx(n_million, abs=0.05)
    assert 5 * count_operations(network, 3_200) / 1e9 == pytest.approx(gflop, abs=0.5)


def test_peers_compute_the_same(monkeypatch):
    network = AudioUNet(width=1 / 8).build().eval()
    x = 0.1 * torch.randn(1, 1, 8192)
    used = []
    blockwise = convolution.convolve_blockwise
    monkeypatch.setattr(
        convolution, "convolve_blockwise", lambda *a, **k: used.append(1) or blockwise(*a, **k)
    )
    with torch.no_grad():
        ours = network(x)
        n_used = len(used)
        with direct_convolutions():
            direct = network(x)
        with plain_convolutions(network):
            plain = network(x)
    assert 0 < n_used == len(used)
    torch.testing.assert_close(ours, plain, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(direct, plain, atol=1e-6, rtol=1e-5)


def test_recorded_table_of_networks_is_the_layout_of_its_record():
    results = ROOT / "benchmarks" / "results"
    recorded = json.loads((results / "network_cpu.json").read_text(encoding="utf-8"))["rows"]
    table = (results / "network_cpu.rst").read_text(encoding="utf-8")
    assert table == format_table(recorded) + "\n"
    header, full = (
        next(line for line in table.splitlines() if key in line) for key in ("must", "71 M")
    )
    assert f"({recorded['matrix_product_gflop_per_s']:.0f} GFLOP/s)" in header
    assert "280 GFLOP" in full  # as counted above


def test_plain_loop_descends_on_aligned_patches_of_long_clips():
    time = np.arange(3 * PATCH_LENGTH, dtype=np.float32)[None]
    short = np.full((1, PATCH_LENGTH), np.nan, dtype=np.float32)
    network = torch.nn.Conv1d(1, 1, 1)
    network.load_state_dict({"weight": torch.ones(1, 1, 1), "bias": torch.zeros(1)})
    loop = PlainLoop(network, [short, time], [short, time + 1], batch_size=3)
    sources, targets = loop.cut_patches()
    assert sources.shape == targets.shape == (3, 1, PATCH_LENGTH)
    assert len(set(sources[:, 0, 0].tolist())) == 3
    assert torch.equal(targets, sources + 1)
    torch.testing.assert_close(sources, sources[:, :, :1] + torch.arange(float(PATCH_LENGTH)))
    assert loop() == pytest.approx((1 + 1e-6) ** 0.5)  # off by 1 everywhere
    assert network.bias.item() == pytest.approx(1e-4)  # Adam's first step is its rate


def test_packed_clips_are_the_clips(tmp_path):
    rng = np.random.default_rng(0)
    clips = [np.round(rng.uniform(-0.9, 0.9, n) * 2**15) / 2**15 for n in (1200, 600, 2400)]
    rows = []
    for i, clip in enumerate(clips):
        soundfile.write(tmp_path / f"{i}.flac", clip, 8000, subtype="PCM_16")
        row = {"path": f"{i}.flac", "pack": "p", "speaker": "s", "split": "train", "rate": 8000}
        rows.append(row)
    with (tmp_path / "MANIFEST.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    target = tmp_path / "packed.npy"
    done = run("pack_clips", "p", "train", target, "--recordings", tmp_path)
    assert done.returncode == 0, done.stderr
    packed = read_clips(target)
    assert np.load(target).dtype == np.int16
    for clip, expected in zip(packed, clips, strict=True):
        np.testing.assert_array_equal(clip / 2**15, expected)


def test_models_are_scored_on_what_recipes_hold_out(tmp_path, monkeypatch):
    """Of a recording that has their rate, all resamplers make the same."""
    recipe = dataclasses.replace(
        RECIPES["speech-4x-16k"], held_out=("speech_multi/1", "speech_multi/4")
    )
    monkeypatch.setitem(RECIPES, "speech-4x-16k", recipe)
    monkeypatch.setattr(bench_held_out, "pretrained_names", lambda: ("speech-4x-16k",))
    recorded = {}
    monkeypatch.setattr(bench_held_out, "record", lambda name, table, data: recorded.update(data))
    folder = write_recordings(tmp_path)
    monkeypatch.setattr("sys.argv", ["bench_held_out", "--recordings", str(folder)])
    bench_held_out.main()
    names = ["speech_multi/1.wav", "speech_multi/4.wav"]
    assert recorded["scored on"] == {"speech-4x-16k": names}
    Y = [soundfile.read(folder / name, dtype="float32")[0] for name in names]
    X = Decimator(4).fit_transform(Y)
    expected = score(Y, SplineUpsampler().fit(X, Y).predict(X), names)
    rows = recorded["models"]["speech-4x-16k"]
    assert list(rows) == list(bench_held_out.RESAMPLERS)
    for by_method in rows.values():
        assert by_method["spline"]["snr_db"] == pytest.approx(expected["snr_db"], abs=0.05)


def test_the_script_for_gpus_needs_no_soundfile():
    code = (
        "import sys; sys.modules['soundfile'] = sys.modules['soxr'] = None; import benchmarks.gpu"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_script_for_gpus_runs_on_a_cpu(tmp_path):
    done = run("gpu", "--device", "cpu", "--quick", "--output", tmp_path / "gpu.json")
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "gpu.json").read_text())["rows"]
    assert not [name for name, row in rows.items() if "error" in row]
    assert {"56.4 M weights, bfloat16", "single speaker, 400 epochs"} <= set(rows)
    assert all(row["step_s"] > 0 for row in rows.values())


def test_cards_get_other_scores_and_the_weights_stay(tmp_path, monkeypatch):
    est, scores = load_pretrained("speech-4x-16k"), {"spline": {"snr_db": 1.5}}
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    bench_pretrained.renew_cards({"speech-4x-16k": est}, {"speech-4x-16k": scores})
    renewed = load(tmp_path / "speech-4x-16k.safetensors")
    assert renewed.card_ == {**est.card_, "scores": scores}
    for name, weight in est.network_.state_dict().items():
        assert torch.equal(weight, renewed.network_.state_dict()[name])
