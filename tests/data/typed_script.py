"""What a user writes, with types: tests/test_types.py has mypy read it and does not run it."""

from pathlib import Path
from typing import assert_type

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import GridSearchCV  # type: ignore[import-untyped]
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]

import sklearn_audiosr
from sklearn_audiosr import (
    AudioSuperResolver,
    DNNBandwidthExtender,
    LinearUpsampler,
    ModelFileError,
    SplineUpsampler,
    Stream,
    effective_bandwidth,
    load,
    load_pretrained,
    pretrained_names,
    upsample_file,
)
from sklearn_audiosr.augmentation import (
    AddNoiseFloor,
    ChangeLevel,
    ChangeMicrophone,
    ChangeSpeed,
    CutBandEdge,
    RotatePhase,
    ShiftFormants,
)
from sklearn_audiosr.datasets import (
    fetch_beethoven_piano,
    fetch_magnatagatune,
    fetch_vctk,
    load_audio_folder,
    load_piano,
    load_speech,
)
from sklearn_audiosr.degradation import (
    AddNoise,
    Codec,
    Decimator,
    Telephone,
    ideal_lowband,
    trim_clips,
)
from sklearn_audiosr.listening import (
    analyze,
    export_webmushra,
    integrated_loudness,
    make_listening_test,
    make_stimuli,
    make_table_1_stimuli,
    plot_scores,
    score_table,
    simulate_answers,
)
from sklearn_audiosr.metrics import (
    HighbandLevelErrors,
    harmonicity_score,
    harmonicity_scorer,
    highband_level_errors,
    log_spectral_distance,
    make_clip_scorer,
    modulation_line_error,
    neg_highband_lsd_scorer,
    neg_lowband_lsd_scorer,
    neg_lsd_scorer,
    neg_modulation_line_error_scorer,
    neg_temporal_level_error_scorer,
    pesq_score,
    pesq_scorer,
    scale_invariant_sdr,
    si_sdr_scorer,
    signal_to_noise_ratio,
    snr_scorer,
    stoi_score,
    stoi_scorer,
    temporal_level_error,
    visqol_score,
    visqol_scorer,
)
from sklearn_audiosr.networks import AudioUNet, HarmonicNoiseNet, SpectralNet, TFiLM

Clips = list[NDArray[np.float32]]


class LazyClips:
    """Clips that are read when they are asked for: a container of the user's own."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> NDArray[np.float32]:
        return np.zeros(400, dtype=np.float32)


def use_a_trained_model(x: NDArray[np.float32]) -> None:
    names: tuple[str, ...] = pretrained_names()
    print(sklearn_audiosr.__version__, names)
    est = load_pretrained("speech-4x-16k")
    assert_type(est, AudioSuperResolver)
    est.save(Path("model.safetensors"), card={"data": "mine"}, dtype="float16")
    try:
        again = load("model.safetensors")
    except ModelFileError as error:
        print(error)
        return
    assert_type(again.predict([x]), Clips)
    latency: float | None = est.latency_seconds_
    n_timepoints: int = est.latency_
    print(latency, n_timepoints)


def predict_containers(est: AudioSuperResolver, rows: NDArray[np.float64]) -> None:
    clip: NDArray[np.float64] = rows[0]
    assert_type(est.predict(rows), NDArray[np.float32])
    assert_type(est.predict([clip, clip[:100]]), Clips)
    assert_type(est.predict((clip, clip)), tuple[NDArray[np.float32], ...])
    assert_type(est.predict(LazyClips()), Clips)
    assert_type(est.predict([[0.0, 0.1], [0.2, 0.3]]), Clips)
    print(est.predict(torch.zeros(2, 100)).shape)
    assert_type(est.predict(rows, highband_gain=0.0), NDArray[np.float32])
    assert_type(est.predict([clip], lowband="keep"), Clips)
    mean, std = est.predict([clip], return_std=True)
    print(mean[0].shape, std[0].shape)
    assert_type(est.sample_y([clip], n_samples=2, random_state=0), Clips)
    assert_type(est.sample_y(rows), NDArray[np.float32])


def stop(estimator: AudioSuperResolver, measured: dict[str, float]) -> bool:
    return measured["loss"] < 1e-3


def distance(prediction: torch.Tensor, target: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return torch.mean(mask * torch.abs(prediction - target))


def train() -> None:
    speech = load_speech()
    Y = trim_clips(speech.clips, 4)
    X = Decimator(4).fit_transform(Y)
    resolver = AudioSuperResolver(
        AudioUNet(n_blocks=2, width=1 / 32),
        objective=distance,
        optimizer="adam",
        max_epochs=2,
        checkpoint=Path("fit.ckpt"),
        callbacks=[stop],
        device=torch.device("cpu"),
        random_state=0,
    )
    fitted = resolver.fit(X, Y, groups=speech.groups)
    assert_type(fitted, AudioSuperResolver)
    curve: list[float] = fitted.loss_curve_
    score: float = fitted.score(X, Y, sample_weight=[1.0] * len(curve))
    network: torch.nn.Module = fitted.network_
    print(score, network)
    AudioSuperResolver(SpectralNet(n_blocks=4), learning_rate_schedule="cosine", verbose=True)
    AudioSuperResolver(HarmonicNoiseNet(n_slow_blocks=2), lowband="keep", objective="levels")
    AudioSuperResolver(TFiLM(block_length=128), noise_model="heteroscedastic", precision="bfloat16")


def compare_estimators(X: Clips, Y: Clips) -> None:
    dnn = DNNBandwidthExtender((16,), phase="oracle", max_epochs=1).fit(X, Y)
    assert_type(dnn, DNNBandwidthExtender)
    assert_type(dnn.predict(X, Y_oracle=Y), Clips)
    linear = LinearUpsampler(n_taps=33, alpha=1e-3).fit(X, Y)
    assert_type(linear, LinearUpsampler)
    assert_type(linear.predict(np.stack(X)), NDArray[np.float32])
    spline = SplineUpsampler(sampling_rate=16000).fit(X, Y)
    assert_type(spline, SplineUpsampler)
    assert_type(spline.score(X, Y), float)


def stream(spline: SplineUpsampler, chunks: Clips) -> None:
    opened: Stream = spline.stream(n_channels=1)
    for chunk in chunks:
        assert_type(opened.push(chunk), NDArray[np.float32])
    assert_type(opened.flush(), NDArray[np.float32])
    print(opened.latency_, opened.latency_seconds_)


def restore_files(est: AudioSuperResolver, clips: Clips) -> None:
    def show(seconds: float) -> None:
        print(seconds)

    upsample_file(est, "narrow.wav", Path("wide.flac"), resample=True, progress=show)
    with open("narrow.wav", "rb") as file:
        upsample_file(est, file, "wide.wav", assume_bandwidth="auto")
    upsample_file(LinearUpsampler(), "narrow.wav", "wide.wav", assume_bandwidth=3400.0)
    assert_type(effective_bandwidth(clips, 16000), NDArray[np.float64])


def measure(est: AudioSuperResolver, X: Clips, Y: Clips) -> None:
    prediction = est.predict(X)
    snr: float = signal_to_noise_ratio(Y, prediction)
    lsd: float = log_spectral_distance(Y, prediction, convention="kuleshov2017", band="highband")
    sdr: float = scale_invariant_sdr(Y, prediction, sample_weight=np.ones(len(Y)))
    pesq: float = pesq_score(Y, prediction, sampling_rate=16000)
    stoi: float = stoi_score(Y, prediction, sampling_rate=16000, extended=True)
    visqol: float = visqol_score(Y, prediction, sampling_rate=16000)
    share: float = harmonicity_score(Y, prediction, sampling_rate=16000, upsampling_ratio=4)
    line, frequency = modulation_line_error(
        Y, prediction, sampling_rate=16000, upsampling_ratio=4, return_frequency=True
    )
    assert_type(line + frequency + share, float)
    assert_type(
        temporal_level_error(Y, prediction, sampling_rate=16e3, upsampling_ratio=4, average=None),
        NDArray[np.float64],
    )
    assert_type(
        highband_level_errors(Y, prediction, sampling_rate=16000, upsampling_ratio=4),
        HighbandLevelErrors,
    )
    print(snr, lsd, sdr, pesq, stoi, visqol)


def search(X: Clips, Y: Clips) -> None:
    scorers = {
        "snr": snr_scorer,
        "si_sdr": si_sdr_scorer,
        "lsd": neg_lsd_scorer,
        "lowband": neg_lowband_lsd_scorer,
        "highband": neg_highband_lsd_scorer,
        "pesq": pesq_scorer,
        "stoi": stoi_scorer,
        "harmonicity": harmonicity_scorer,
        "line": neg_modulation_line_error_scorer,
        "temporal": neg_temporal_level_error_scorer,
        "visqol": visqol_scorer,
        "own": make_clip_scorer(log_spectral_distance, greater_is_better=False, band="lowband"),
    }
    found = GridSearchCV(LinearUpsampler(), {"n_taps": [17, 33]}, scoring=scorers, refit="snr").fit(
        X, Y
    )
    value: float = snr_scorer(found.best_estimator_, X, Y)
    print(value)


def degrade(Y: Clips, rows: NDArray[np.float32]) -> None:
    assert_type(Decimator(2, filter="random", random_state=0).fit(Y), Decimator)
    assert_type(Decimator(2, order=4).transform(rows), NDArray[np.float32])
    assert_type(AddNoise(snr=(10.0, 30.0), color="pink").fit_transform(Y), Clips)
    assert_type(Codec("opus", sampling_rate=16000, compression_level=0.5).transform(Y), Clips)
    assert_type(
        Telephone(2, sampling_rate=16000, law="alaw").transform(tuple(Y)),
        tuple[NDArray[np.float32], ...],
    )
    assert_type(trim_clips(rows, 4), NDArray[np.float32])
    assert_type(ideal_lowband(Y, 4), Clips)
    make_pipeline(AddNoise(), Decimator(2)).fit_transform(Y)


def augment(Y: Clips, rows: NDArray[np.float32]) -> None:
    assert_type(AddNoiseFloor(levels_db=-60, p=0.5).fit_transform(Y), Clips)
    assert_type(ChangeLevel(gains_db=(-6, 6)).transform(rows), NDArray[np.float32])
    assert_type(ChangeMicrophone(spread_db=2.0, random_state=0).fit(Y), ChangeMicrophone)
    assert_type(ChangeSpeed((0.9, 1.1), sampling_rate=16000).transform(rows), Clips)
    assert_type(ChangeSpeed(1.1, target_rate=None).fit_transform(rows), Clips)
    assert_type(CutBandEdge(edges=0.9).transform(tuple(Y)), tuple[NDArray[np.float32], ...])
    assert_type(RotatePhase(angles=90).transform(LazyClips()), Clips)
    assert_type(ShiftFormants((0.9, 1.1), sampling_rate=16000).fit_transform(Y), Clips)


def read_recordings() -> None:
    piano = load_piano()
    folder = load_audio_folder(Path("recordings"), sampling_rate=16000, mono=True, n_jobs=2)
    corpora = [
        fetch_vctk("multi_speaker", "0.92", split="code", data_home="data"),
        fetch_beethoven_piano(split="shuffled", download_if_missing=False),
        fetch_magnatagatune(sampling_rate=16000, n_retries=1, delay=0.5),
    ]
    print(piano.clips, folder.sampling_rate, corpora)


def listen(est: AudioSuperResolver, spline: SplineUpsampler, X: Clips, Y: Clips) -> None:
    stimuli = make_stimuli(
        {"network": est, "spline": spline.predict, "copy": Y}, Y, X, sampling_rate=16000
    )
    make_table_1_stimuli(Y, X, spline=spline, dnn=est, network=est, names=["a", "b"])
    page: Path = make_listening_test(stimuli, "test", title="Which is best?", random_state=0)
    export_webmushra(stimuli, Path("webmushra"), loop=False)
    answers = simulate_answers("test/key.json", {"network": 80, "spline": 40}, "answers")
    result = analyze(answers, page.parent / "key.json", n_bootstraps=100)
    table: str = score_table(result, statistic="median", systems=["network"])
    plot_scores(result, recording="a").set_title("Which is best?")
    loudness: float = integrated_loudness(Y[0], 16000)
    print(table, loudness)
