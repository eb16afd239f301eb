"""Calls that mypy must refuse: tests/test_types.py compares its errors with the comments."""

import numpy as np
from numpy.typing import NDArray

from sklearn_audiosr import (
    AudioSuperResolver,
    DNNBandwidthExtender,
    LinearUpsampler,
    SplineUpsampler,
    effective_bandwidth,
    load,
    load_pretrained,
    upsample_file,
)
from sklearn_audiosr.augmentation import ChangeLevel, ChangeSpeed
from sklearn_audiosr.datasets import fetch_vctk, load_audio_folder
from sklearn_audiosr.degradation import AddNoise, Codec, Decimator, Telephone, trim_clips
from sklearn_audiosr.listening import make_stimuli, score_table
from sklearn_audiosr.metrics import log_spectral_distance, signal_to_noise_ratio, snr_scorer
from sklearn_audiosr.networks import AudioUNet, HarmonicNoiseNet, SpectralNet, TFiLM


def build() -> None:
    AudioSuperResolver(max_epochs="ten")  # "max_epochs" to "AudioSuperResolver" has incompatible
    AudioSuperResolver(optimizer="sgd")  # expected "Literal['adam', 'muon'] | None"
    AudioSuperResolver(objective="rsme")  # "objective" to "AudioSuperResolver" has incompatible
    AudioSuperResolver(precision="float16")  # "precision" to "AudioSuperResolver" has incompatible
    AudioSuperResolver(callbacks=print)  # "callbacks" to "AudioSuperResolver" has incompatible
    AudioSuperResolver(None, 8192)  # Too many positional arguments
    AudioSuperResolver(epochs=10)  # Unexpected keyword argument "epochs"
    DNNBandwidthExtender(phase="true")  # "phase" to "DNNBandwidthExtender" has incompatible
    LinearUpsampler(n_taps=0.5)  # "n_taps" to "LinearUpsampler" has incompatible
    SplineUpsampler(16000)  # Too many positional arguments
    AudioUNet(layout="pape")  # "layout" to "AudioUNet" has incompatible
    HarmonicNoiseNet(frame_length="20")  # "frame_length" to "HarmonicNoiseNet" has incompatible
    AudioSuperResolver(lowband="same")  # "lowband" to "AudioSuperResolver" has incompatible
    SpectralNet(kernel_size="7")  # "kernel_size" to "SpectralNet" has incompatible
    TFiLM(n_filters=8)  # "n_filters" to "TFiLM" has incompatible
    Decimator(filter="cheby")  # "filter" to "Decimator" has incompatible
    AddNoise(color="blue")  # "color" to "AddNoise" has incompatible
    Codec("aac")  # to "Codec" has incompatible
    Telephone(law="pcm")  # "law" to "Telephone" has incompatible
    ChangeLevel(gains_db="6 dB")  # "gains_db" to "ChangeLevel" has incompatible
    ChangeSpeed(speeds=(0.9, 1.0, 1.1))  # "speeds" to "ChangeSpeed" has incompatible


def call(est: AudioSuperResolver, X: list[NDArray[np.float32]]) -> None:
    load(4)  # to "load" has incompatible
    load_pretrained(4)  # to "load_pretrained" has incompatible
    est.fit(X)  # Missing positional argument "Y"
    est.fit(X, 1.0)  # to "fit" of
    est.predict(1.0)  # No overload variant of "predict"
    print(est.predict(X).shape)  # "list[ndarray[
    print(est.predict(X, return_std=True).shape)  # "tuple[Any, Any]" has no attribute "shape"
    est.predict(X, lowband="same")  # No overload variant of "predict"
    est.predict(X, std=True)  # No overload variant of "predict"
    est.sample_y(X, n_samples="2")  # No overload variant of "sample_y"
    print(est.score(X, X).shape)  # "float" has no attribute "shape"
    est.stream(n_channels="2")  # to "stream" of
    est.stream().pull()  # "Stream" has no attribute "pull"
    est.save("a.safetensors", dtype="int8")  # "dtype" to "save" of
    upsample_file(est, "a.wav")  # Missing positional argument "target"
    upsample_file("model", "a.wav", "b.wav")  # to "upsample_file" has incompatible
    upsample_file(est, "a.wav", "b.wav", progress=3)  # "progress" to "upsample_file" has
    effective_bandwidth(X, "16 kHz")  # to "effective_bandwidth" has incompatible


def measure(est: AudioSuperResolver, X: list[NDArray[np.float32]]) -> None:
    signal_to_noise_ratio(X)  # No overload variant of "signal_to_noise_ratio"
    log_spectral_distance(X, X, band="top")  # No overload variant of "log_spectral_distance"
    snr_scorer(X, est)  # Missing positional argument "y_true"
    trim_clips(X, "4")  # No overload variant of "trim_clips"
    Decimator().transform(1.0)  # No overload variant of "transform"
    ChangeLevel().fit_transform(1.0)  # No overload variant of "fit_transform"
    fetch_vctk("two_speakers")  # to "fetch_vctk" has incompatible
    load_audio_folder(["a.wav"])  # to "load_audio_folder" has incompatible
    make_stimuli([est], X, sampling_rate=16000)  # to "make_stimuli" has incompatible
    score_table({}, statistic="mode")  # "statistic" to "score_table" has incompatible
