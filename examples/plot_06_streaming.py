"""
Streams: chunk by chunk, from file to file
==========================================

**Finding.** The pieces that a stream gives are, joined, what ``predict`` gives for the whole clip,
up to rounding, however the clip is cut. The output never lags behind the input by more than
``latency_``, which is known before the first chunk. **Limitation.** This network needs 50 ms, most
of them to look ahead, and shorter chunks do not change that: they only cost more time. Less
latency takes another network, one that sees less of the sound.
"""

# %%
# A network to stream with
# ------------------------
#
# A clip of each of five bundled speakers trains a small network, a sixteenth of the paper's width
# but with all its four blocks: filters and blocks set the latency, the width does not. With
# ``sampling_rate`` the estimator gives it in seconds too.

import io
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import soundfile

from sklearn_audiosr import AudioSuperResolver, SplineUpsampler, upsample_file
from sklearn_audiosr.datasets import load_speech
from sklearn_audiosr.degradation import Decimator
from sklearn_audiosr.networks import AudioUNet

r = 4
speech = load_speech()
wide_rate, narrow_rate = speech.sampling_rate, speech.sampling_rate // r
X, Y = Decimator(upsampling_ratio=r).fit_transform(speech.clips), speech.clips
_, first = np.unique(speech.groups, return_index=True)
train = [i for i in first if speech.groups[i] != "slt"]
new = np.flatnonzero(speech.groups == "slt")[0]
x, y = X[new][:8060], Y[new][: 8060 * r]  # two seconds

resolver = AudioSuperResolver(
    AudioUNet(width=1 / 16, dropout=0.0),
    max_epochs=1,
    patch_length=2048,
    batch_size=8,
    learning_rate=3e-3,
    validation_fraction=0,
    sampling_rate=wide_rate,
    random_state=0,
)
resolver.fit([X[i] for i in train], [Y[i] for i in train])
y_pred = resolver.predict([x])[0]
latency_ms = 1000 * resolver.latency_seconds_
print(f"latency: {resolver.latency_} wideband timepoints, {latency_ms:.1f} ms")

# %%
# Block by block
# --------------
#
# A narrowband file is read in blocks, each is pushed, and what comes out is noted. ``flush`` gives
# the rest at the end. The last column is the time to compute a second of audio: above 1 a stream
# falls behind.

folder = tempfile.TemporaryDirectory()
source = Path(folder.name, "narrow.wav")
soundfile.write(source, x, narrow_rate, subtype="FLOAT")


def stream_file(n_block):
    """Pieces of output, and timepoints in and out after each block."""
    stream, pieces, n_in = resolver.stream(), [], []
    for block in soundfile.blocks(source, n_block, dtype="float32"):
        pieces.append(stream.push(block))
        n_in.append(len(block))
    pieces.append(stream.flush())
    return pieces, np.cumsum(n_in), np.cumsum([len(piece) for piece in pieces[:-1]])


lags, differences = {}, {}
print("block     longest lag   from predict   time for 1 s")
for n_block in (10, 80, 800):
    begin = perf_counter()
    pieces, n_in, n_out = stream_file(n_block)
    seconds = perf_counter() - begin
    lags[n_block] = n_in / narrow_rate, 1000 * (r * n_in - n_out) / wide_rate
    difference = np.abs(np.concatenate(pieces) - y_pred).max() / np.abs(y_pred).max()
    differences[n_block] = difference
    print(
        f"{1000 * n_block / narrow_rate:5.1f} ms {lags[n_block][1].max():10.1f} ms "
        f"{difference:14.0e} {seconds * wide_rate / len(y_pred):12.3f} s"
    )

# %%
# Who waits for a block waits that much longer than the latency, which begins when the block is
# there; the time to compute comes on top. Blocks of some 20 ms are a fair choice.
#
# Above: the lag. At first nothing comes out and the lag grows with the input; then it stays just
# below the latency, which is a promise for every chunk. Below: some pieces of the output, in two
# colours by turns, over the prediction in one piece. There are no seams.

import matplotlib.pyplot as plt

fig, (above, below) = plt.subplots(2, figsize=(8, 6), layout="constrained")
for n_block, color, size in [(10, "C1", 2), (80, "C0", 6)]:
    time, lag = lags[n_block]
    label = f"blocks of {1000 * n_block / narrow_rate:g} ms"
    above.plot(1000 * time, lag, "o-", color=color, label=label, linewidth=1, markersize=size)
above.axhline(latency_ms, color="k", linestyle="--", linewidth=1, label="latency_seconds_")
above.set(xlim=(0, 205), ylim=(0, 60), xlabel="input so far (ms)")
above.set_ylabel("lag of the output (ms)")
above.legend(loc="lower right")

pieces, _, n_out = stream_file(80)
loudest = np.abs(y_pred).argmax()
first = np.searchsorted(n_out, loudest) - 2
start, stop = n_out[first - 1], n_out[first + 3]
below.plot(
    1000 * np.arange(start, stop) / wide_rate, y_pred[start:stop],
    color="0.8", linewidth=5, label="predict",
)  # fmt: skip
for i in range(first, first + 4):
    time = 1000 * np.arange(n_out[i - 1], n_out[i]) / wide_rate
    label = "stream, piece by piece" if i == first else None
    below.plot(time, pieces[i], color=["C0", "C1"][i % 2], linewidth=1.2, label=label)
below.set(xlabel="time (ms)", ylabel="amplitude")
below.margins(x=0, y=0.2)
below.legend(loc="upper right", ncols=2)
plt.show()

# %%
# What sets the latency
# ---------------------
#
# Three parts add up. The spline that makes the network's input looks ahead, then the network does,
# and its outputs come on a grid, its stride. A network of fewer blocks has less of both, and so
# has one of shorter filters (``kernel_sizes``).

spline = SplineUpsampler().fit([x], [y])
latencies = {}
for n_blocks in (4, 3, 2, 1):
    network = AudioUNet(n_blocks=n_blocks, width=1 / 16).build()
    parts = spline.latency_, network.look_ahead, network.stride - 1
    latencies[n_blocks] = sum(parts)
    print(
        f"n_blocks={n_blocks}: {parts[0]} + {parts[1]} + {parts[2]} = {sum(parts)} timepoints, "
        f"{1000 * sum(parts) / wide_rate:.1f} ms"
    )

# %%
# A network that looks less far ahead also learns from less. Whether that costs quality, and
# whether your machine keeps pace, is to be measured: cross-validate the candidates, and time a
# stream as above.

# %%
# From a pipe
# -----------
#
# ``ffmpeg -i talk.mp3 -ar 4000 -ac 2 -f s16le -`` writes signed 16-bit integers, the channels
# interleaved. Here two speakers in a buffer stand for such a pipe. ``push`` scales integers to
# [-1, 1) by itself; it wants the channels first.

n_channels = 2
both = np.stack([X[0][: 2 * narrow_rate], X[-1][: 2 * narrow_rate]])
pcm = np.round(both * 2**15).astype("<i2")
pipe = io.BytesIO(pcm.T.tobytes())  # in its stead: subprocess.Popen(..., stdout=PIPE).stdout


def read_pipe(pipe, n_bytes):
    """Yield what the pipe holds; read() waits for all n_bytes but at the end."""
    while raw := pipe.read(n_bytes):
        yield raw


stream = resolver.stream(n_channels)
pieces = []
for raw in read_pipe(pipe, n_bytes=2 * n_channels * 80):  # 2 bytes a timepoint and channel
    pieces.append(stream.push(np.frombuffer(raw, dtype="<i2").reshape(-1, n_channels).T))
pieces.append(stream.flush())
from_pipe, expected = np.concatenate(pieces, axis=1), resolver.predict([pcm])[0]
pipe_difference = np.abs(from_pipe - expected).max() / np.abs(expected).max()
print(f"{from_pipe.shape[0]} channels of {from_pipe.shape[1] / wide_rate:g} s")
print(f"largest difference from predict: {pipe_difference:.0e} of the peak")

# %%
# From file to file
# -----------------
#
# ``upsample_file`` does all this for a file: it reads, streams and writes in blocks, keeps
# channels and sample format, and refuses a file of another rate than the estimator was trained
# for. The pieces of a stream and the blocks of a file are details that no result depends on.

target = Path(folder.name, "wide.flac")
soundfile.write(source, x, narrow_rate, subtype="PCM_16")
upsample_file(resolver, source, target)
info = soundfile.info(target)
print(f"{target.name}: {info.samplerate} Hz, {info.frames} timepoints, {info.subtype}")
folder.cleanup()
