"""Remake the clips that ship with sklearn_audiosr, from free synthesisers and public-domain texts.

Run it from the repository root on Debian or Ubuntu::

    apt-get install flite festival festvox-kallpc16k festvox-kdlpc16k festvox-ru \
        fluidsynth fluid-soundfont-gm
    python tools/make_bundled_audio.py

It needs numpy, soundfile and soxr, and writes 16 kHz mono 16-bit FLAC under
``sklearn_audiosr/datasets/data``. The same versions of the programs give the same clips, bit for
bit. ``tests/test_datasets.py`` checks what comes out: bandwidth, rates, lengths and size.
Licences of voices, sound font and texts: ``sklearn_audiosr/datasets/data/README.rst``.
"""

import argparse
import shutil
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr

SAMPLING_RATE = 16000
# a clip's length is a multiple of every upsampling ratio in use: 2, 3, 4, 5, 6, 8
LENGTH_MULTIPLE = 240
LEVEL = 0.05  # root mean square: -26 dB, where telephony puts speech (ITU-T P.56)
PEAK = 0.9  # goes before the level
SOUND_FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
DATA = Path(__file__).resolve().parent.parent / "sklearn_audiosr" / "datasets" / "data"

# Speaker: (program, voice, Debian package). Each is another person's voice, recorded at 16 kHz.
# festival's us_slt_arctic_hts and flite's kal16 are left out: the same persons as slt and kal.
SPEAKERS = {
    "awb": ("flite", "awb", "flite"),
    "kal": ("festival", "kal_diphone", "festvox-kallpc16k"),
    "ked": ("festival", "ked_diphone", "festvox-kdlpc16k"),
    "nsh": ("festival", "msu_ru_nsh_clunits", "festvox-ru"),
    "rms": ("flite", "rms", "flite"),
    "slt": ("flite", "slt", "flite"),
}

# One sentence a clip, all printed before 1900 and some shortened; a stroke parts them.
SENTENCES = {
    "awb": """
        Alice was beginning to get very tired of sitting by her sister on the bank, and of having
        nothing to do. / It was the best of times, it was the worst of times, it was the age of
        wisdom. / I went to the woods because I wished to live deliberately, to front only the
        essential facts of life. / To Sherlock Holmes she is always the woman. I have seldom heard
        him mention her under any other name. / In Xanadu did Kubla Khan a stately pleasure dome
        decree, where Alph, the sacred river, ran.
    """,
    "kal": """
        Emma Woodhouse, handsome, clever, and rich, with a comfortable home. / Once upon a midnight
        dreary, while I pondered, weak and weary, over many a curious volume. / Whether I shall turn
        out to be the hero of my own life, these pages must show. / Shall I compare thee to a
        summer's day? Thou art more lovely and more temperate. / Fifteen men on the dead man's
        chest, yo ho ho, and a bottle of rum.
    """,
    "ked": """
        Christmas won't be Christmas without any presents, grumbled Jo, lying on the rug. / It was
        on a dreary night of November that I beheld the accomplishment of my toils. / Listen to
        them, the children of the night. What music they make! / I wandered lonely as a cloud that
        floats on high over vales and hills. / The time has come, the Walrus said, to talk of many
        things: of shoes, and ships, and sealing wax.
    """,
    "nsh": """
        Мороз и солнце; день чудесный! Ещё ты дремлешь, друг прелестный. / У лукоморья дуб зелёный;
        златая цепь на дубе том. / Я помню чудное мгновенье: передо мной явилась ты. / Белеет парус
        одинокий в тумане моря голубом. Что ищет он в стране далёкой? / Мой дядя самых честных
        правил, когда не в шутку занемог, он уважать себя заставил.
    """,
    "rms": """
        It is a truth universally acknowledged, that a single man must be in want of a wife. / Call
        me Ishmael. Some years ago, I thought I would sail about a little and see the world. / Four
        score and seven years ago our fathers brought forth on this continent a new nation. / All
        the world's a stage, and all the men and women merely players. / The studio was filled with
        the rich odour of roses, and the light summer wind stirred the trees.
    """,
    "slt": """
        There was no possibility of taking a walk that day. We had been wandering in the leafless
        shrubbery. / Marley was dead, to begin with. There is no doubt whatever about that. / No one
        would have believed that this world was being watched keenly and closely. / A thing of
        beauty is a joy for ever: its loveliness increases; it will never pass into nothingness. /
        If music be the food of love, play on; give me excess of it, that the appetite may sicken.
    """,
}

# A note is a pitch with its octave (C4 is middle C), a colon and LilyPond's note value, which stays
# until the next (12 is a triplet quaver); "R" rests, "+" joins a chord, "&" rolls it, ":g" is a
# grace note before the beat. Tempo in quarters a minute; pedal: the quarter of its first change and
# the quarters between changes; clips by their first and last quarter; voices by MIDI velocity.
PIECES = {
    "fuer_elise": {  # Bagatelle WoO 59, bars 1-7, 8 (second time) and 9-15
        "tempo": 72,
        "pedal": (0.5, 0.75),
        "clips": [(0, 11), (11, 23)],
        "voices": {
            66: """
                E5:16 D#5 E5 D#5 E5 B4 D5 C5 A4:8 R:16 C4 E4 A4 B4:8 R:16 E4 G#4 B4 C5:8 R:16 E4
                E5 D#5 E5 D#5 E5 B4 D5 C5 A4:8 R:16 C4 E4 A4 B4:8 R:16 E4 C5 B4 A4:8 R:16 B4 C5
                D5 E5:8. G4:16 F5 E5 D5:8. F4:16 E5 D5 C5:8. E4:16 D5 C5 B4:8 R:16 E4 E5 R R E5
                E6 R R D#5 E5:8 R:16 D#5 E5 D#5 E5 D#5 E5 B4 D5 C5
            """,
            52: """
                R:8 R:4. A2:16 E3 A3 R:8. E2:16 E3 G#3 R:8. A2:16 E3 A3 R:8. R:4. A2:16 E3 A3
                R:8. E2:16 E3 G#3 R:8. A2:16 E3 A3 R:8. C3:16 G3 C4 R:8. G2:16 G3 B3 R:8. A2:16
                E3 A3 R:8. E2:16 E3 R:8. E4:16 E5 R:8 D#5:16 E5 R R D#5 E5 R:8. R:4.
            """,
        },
    },
    "moonlight": {  # Sonata op. 27 no. 2, first movement, bars 3-8 (3-4 and 7-8 are kept)
        "tempo": 64,
        "pedal": (0, 2),
        "clips": [(0, 8), (16, 24)],
        "voices": {
            68: """
                R:1 R R:2. G#4:8. G#4:16 G#4:2. G#4:8. G#4:16 G#4:2 A4 G#4 F#4:4 B4
            """,
            50: """
                A3:12 C#4 E4 A3 C#4 E4 A3 D4 F#4 A3 D4 F#4 G#3 B#3 F#4 G#3 C#4 E4 G#3 C#4 D#4
                F#3 B#3 D#4 E3 G#3 C#4 G#3 C#4 E4 G#3 C#4 E4 G#3 C#4 E4 G#3 D#4 F#4 G#3 D#4 F#4
                G#3 D#4 F#4 G#3 D#4 F#4 G#3 C#4 E4 G#3 C#4 E4 A3 C#4 F#4 A3 C#4 F#4 G#3 B3 E4
                G#3 B3 E4 A3 B3 D#4 A3 B3 D#4
            """,
            58: """
                A1+A2:2 F#1+F#2 G#1+G#2 G#1+G#2 C#2+G#2+C#3:1 B#1+G#2+B#2 C#2+C#3:2 F#1+F#2
                B1+B2 B1+B2
            """,
        },
    },
    "pathetique": {  # Sonata op. 13, second movement, bars 1-8
        "tempo": 48,
        "pedal": (0, 0.5),
        "clips": [(0, 8), (8, 16)],
        "voices": {
            72: """
                C4:4 Bb3 Eb4:4. Db4:8 C4 Eb4 Ab4 Bb4 Eb4:4. E4:8 F4:4 Bb3:8. C4:32 Db4 Eb4:4 A3
                Db4 C4:16 Bb3 Ab3 G3 G3+Bb3:4 Ab3+C4:24 Eb4 Ab4 C4 Eb4 Ab4
            """,
            46: """
                Ab3:16 Eb3 Ab3 Eb3 G3 Eb3 G3 Eb3 Ab3 Eb3 Ab3 Eb3 Bb3 Eb3 Bb3 Eb3 Ab3 Eb3 Bb3 Eb3
                C4 Ab3 D4 Ab3 G3 Bb3 G3 Bb3 G3 Bb3 G3 Bb3 G3 Bb3 G3 Bb3 G3 Eb3 G3 Eb3 Ab3 Eb3
                Ab3 Eb3 Eb3 C3 Eb3 C3 F3 Db3 F3 Db3 Db3 Db3 Db3 Db3 Db3 Eb3 Db3 Eb3 R:4
            """,
            56: """
                Ab2:4 Db3 C3 G2 Ab2:8 G2 F2 F3 Eb3:4 Eb2 Db2 Db3 C3 F2 Bb1 Eb2 Ab1:8 Ab2 Ab1 R
            """,
        },
    },
    "sonata_1": {  # Sonata op. 2 no. 1, first movement, bars 1-8
        "tempo": 208,
        "pedal": None,
        "clips": [(0, 33)],
        "voices": {
            74: """
                C4:4 F4 Ab4 C5 F5 Ab5:4. G5:24 F5 E5 F5:4 R G4 C5 E5 G5 Bb5:4. Ab5:24 G5 F5 G5:4
                R C5:g Ab5:4. G5:24 F5 E5 F5:4 R C5:g Bb5:4. Ab5:24 G5 F5 G5:4 R C5&F5&Ab5&C6:2
                Bb5:8 Ab5 G5 F5 G5:g F5:4 E5 R:2
            """,
            60: """
                R:4 R:1 R:4 F3+Ab3+C4 F3+Ab3+C4 F3+Ab3+C4 E3+G3+Bb3+C4 R:2. R:4 E3+G3+Bb3+C4
                E3+G3+Bb3+C4 E3+G3+Bb3+C4 R F3+Ab3+C4 F3+Ab3+C4 F3+Ab3+C4 R G3+Bb3+E4 G3+Bb3+E4
                G3+Bb3+E4 R Ab3+C4+F4 R Bb3+Db4+G4 R C4+G4 R:2
            """,
        },
    },
}


def run(command, package, text=None):
    """Run one program, or stop with the name of the Debian package that is missing."""
    if shutil.which(command[0]) is None:
        raise SystemExit(f"{command[0]} is not installed: apt-get install {package}")
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        raise SystemExit(f"{' '.join(command)} failed (is {package} installed?): {said}")


def speak(speaker, sentence, path):
    """Synthesise one sentence and return it as a float64 waveform, with its rate in Hz."""
    program, voice, package = SPEAKERS[speaker]
    if program == "flite":
        run(["flite", "-voice", voice, "-t", sentence, "-o", str(path)], package)
    else:
        command = ["text2wave", "-eval", f"(voice_{voice})", "-o", str(path)]
        run(command, f"festival {package}", sentence)
    if not path.exists():  # festival reports an unknown voice and still exits with 0
        raise SystemExit(f"voice {voice} made no sound: apt-get install {package}")
    pcm, rate = sf.read(path, dtype="int16")
    # festival's diphone synthesis overflows 16 bits on loud vowels: a jump of more than half the
    # range is such a wrap, and is undone
    return np.unwrap(pcm.astype(float), period=65536) / 32768, rate


def shorten_pauses(clip, floor=0.01, longest=0.24):
    """Shorten silences, where the peak of 10 ms is below `floor` of all, to `longest` seconds."""
    frame = SAMPLING_RATE // 100
    frames = clip[: len(clip) // frame * frame].reshape(-1, frame)
    loud = np.flatnonzero(np.abs(frames).max(axis=1) > floor * np.abs(clip).max())
    half = int(longest * 100) // 2
    near = np.abs(np.arange(len(frames))[:, None] - loud).min(axis=1)
    return frames[near <= half].ravel()


def finish(clip, fade=0.01):
    """Centre, bring to one level, fade both ends and cut to a length that every ratio divides."""
    clip = clip[: len(clip) // LENGTH_MULTIPLE * LENGTH_MULTIPLE]
    clip = clip - clip.mean()
    clip *= min(LEVEL / np.sqrt(np.mean(clip**2)), PEAK / np.abs(clip).max())
    ramp = np.linspace(0, 1, int(fade * SAMPLING_RATE))
    clip[: len(ramp)] *= ramp
    clip[-len(ramp) :] *= ramp[::-1]
    return clip


def to_semitones(pitch):
    """Return the MIDI number of a pitch such as ``C4`` (60), ``G#3`` or ``Bb2``."""
    name, accidentals, octave = pitch[0], pitch[1:-1], int(pitch[-1])
    step = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[name]
    return 12 * (octave + 1) + step + accidentals.count("#") - accidentals.count("b")


def read_voice(text):
    """Return (start, duration, keys, rolled) of each note, in quarters; a grace note lasts 0."""
    notes, start, duration = [], Fraction(0), Fraction(1)
    for token in text.split():
        pitches, _, value = token.partition(":")
        grace = value == "g"
        if value and not grace:
            dotted = Fraction(3, 2) if value.endswith(".") else 1
            duration = Fraction(4, int(value.rstrip("."))) * dotted
        if pitches != "R":
            keys = [to_semitones(p) for p in pitches.replace("&", "+").split("+")]
            notes.append((start, Fraction(0) if grace else duration, keys, "&" in pitches))
        start += 0 if grace else duration
    return notes


def perform(piece, random_state):
    """Play a piece with some expression: return MIDI events (ms, bytes) and the clock used.

    The tempo breathes by 3 % over eight quarters, notes stray by some milliseconds, phrases swell.
    """

    def clock(quarter):
        rubato = 0.03 * np.sin(2 * np.pi * float(quarter) / 8)
        return 500 + 60000 / piece["tempo"] * (float(quarter) + rubato)

    events = []
    for velocity, text in piece["voices"].items():
        for start, duration, keys, rolled in read_voice(text):
            swell = 8 * np.sin(np.pi * (float(start) % 8) / 8)
            for k, key in enumerate(keys):
                on = clock(start) + random_state.normal(0, 5) + 28 * k * rolled
                on -= 70 * (duration == 0)  # a grace note comes before its beat
                off = max(clock(start + duration * Fraction(19, 20)), on + 60)
                force = int(np.clip(velocity + swell + random_state.normal(0, 3), 20, 120))
                events += [(on, bytes([0x90, key, force])), (off, bytes([0x80, key, 0]))]
    if piece["pedal"]:
        first, step = piece["pedal"]
        up, down = bytes([0xB0, 64, 0]), bytes([0xB0, 64, 127])
        for quarter in np.arange(first, piece["clips"][-1][1], step):
            events += [(clock(quarter), up), (clock(quarter) + 60, down)]
    return sorted(events), clock


def write_midi(events, path):
    """Write events as a MIDI file of one track, a tick a millisecond (1000 to a quarter of 1 s)."""

    def variable(number):
        low = [number & 0x7F]
        while number := number >> 7:
            low.append(number & 0x7F | 0x80)
        return bytes(reversed(low))

    track, now = b"\x00\xff\x51\x03\x0f\x42\x40", 0  # the tempo: 1 000 000 microseconds a quarter
    for time, message in events:
        track += variable(round(time) - now) + message
        now = round(time)
    track += b"\x00\xff\x2f\x00"
    head = b"MThd" + (6).to_bytes(4, "big") + b"\x00\x00\x00\x01" + (1000).to_bytes(2, "big")
    path.write_bytes(head + b"MTrk" + len(track).to_bytes(4, "big") + track)


def play(name, sound_font, folder):
    """Render one piece on the sampled grand and return its clips at 16 kHz."""
    if not sound_font.exists():
        remedy = "apt-get install fluid-soundfont-gm, or give --sound-font"
        raise SystemExit(f"no sound font at {sound_font}: {remedy}")
    piece, midi, wav = PIECES[name], folder / f"{name}.mid", folder / f"{name}.wav"
    events, clock = perform(piece, np.random.default_rng(list(PIECES).index(name)))
    write_midi(events, midi)
    # rendered at 48 kHz and resampled: at a lower rate fluidsynth aliases
    options = ["-ni", "-R", "0", "-C", "0", "-g", "0.5", "-r", "48000", "-T", "wav", "-O", "float"]
    run(["fluidsynth", *options, "-F", str(wav), str(sound_font), str(midi)], "fluidsynth")
    stereo, rate = sf.read(wav)
    mono = soxr.resample(stereo.mean(axis=1), rate, SAMPLING_RATE, quality="VHQ")
    # 40 ms before the beat, so that an early note is not cut in two
    edges = [[int((clock(q) - 40) * SAMPLING_RATE / 1000) for q in pair] for pair in piece["clips"]]
    return [mono[first:last] for first, last in edges]


def save(clips, kind, name):
    """Write clips as ``<kind>/<name>_<nn>.flac`` and say so."""
    for number, clip in enumerate(clips, start=1):
        path = DATA / kind / f"{name}_{number:02d}.flac"
        clip = finish(clip)
        sf.write(path, clip, SAMPLING_RATE, subtype="PCM_16", compression_level=1.0)
        seconds, size = len(clip) / SAMPLING_RATE, path.stat().st_size
        print(f"{path.relative_to(DATA)}  {seconds:.2f} s  {size} bytes")


def say(speaker, folder):
    """Return the clips of one speaker at 16 kHz."""
    clips = []
    for sentence in SENTENCES[speaker].split("/"):
        clip, rate = speak(
            speaker, " ".join(sentence.split()), folder / f"{speaker}_{len(clips)}.wav"
        )
        clips.append(shorten_pauses(soxr.resample(clip, rate, SAMPLING_RATE, quality="VHQ")))
    return clips


def main():
    """Make every clip anew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sound-font", type=Path, default=SOUND_FONT)
    sound_font = parser.parse_args().sound_font
    made = {}  # saved when all is made: a missing program must not leave half of the clips
    with tempfile.TemporaryDirectory() as folder:
        for speaker in SPEAKERS:
            made["speech", speaker] = say(speaker, Path(folder))
        for piece in PIECES:
            made["piano", piece] = play(piece, sound_font, Path(folder))
    for old in DATA.glob("*/*.flac"):
        old.unlink()
    for (kind, name), clips in made.items():
        (DATA / kind).mkdir(parents=True, exist_ok=True)
        save(clips, kind, name)


if __name__ == "__main__":
    main()
