"use strict";

// Plays the signals of a trial in step, one of them audible. Recommendation ITU-R BS.1534-3,
// section 5.3: between signals, and at the ends of a loop, 5 ms out and 5 ms in with a
// raised-cosine envelope, and never a cross-fade; a loop lasts 500 ms or more.
class Player {
  static FADE = 0.005;
  static MIN_LOOP = 0.5;
  static LOOK_AHEAD = 0.01; // what is scheduled later than now is rendered whole

  constructor(context) {
    this.context = context;
    this.looping = true;
    this.playing = false;
    this.onstop = () => {};
    this.load(new Map());
  }

  // Take the AudioBuffers of a trial, by name, all of one length and rate.
  load(buffers) {
    this.pause();
    this.buffers = buffers;
    const [first] = buffers.values();
    this.duration = first ? first.duration : 0;
    this.selected = first ? buffers.keys().next().value : null;
    this.offset = 0; // seconds into the region, where the next play starts
    this.start = 0;
    this.end = this.duration;
    this.slice();
  }

  // Cut the region out of every signal and fade its ends: then a loop is sample-accurate.
  slice() {
    this.slices = new Map();
    for (const [name, buffer] of this.buffers) {
      const from = Math.round(this.start * buffer.sampleRate);
      const to = Math.min(Math.round(this.end * buffer.sampleRate), buffer.length);
      const slice = this.context.createBuffer(buffer.numberOfChannels, to - from, buffer.sampleRate);
      for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
        const values = buffer.getChannelData(channel).slice(from, to);
        Player.fadeEnds(values, Math.round(Player.FADE * buffer.sampleRate));
        slice.copyToChannel(values, channel);
      }
      this.slices.set(name, slice);
    }
  }

  static fadeEnds(values, length) {
    for (let i = 0; i < length; i++) {
      const gain = 0.5 - 0.5 * Math.cos((Math.PI * (i + 0.5)) / length);
      values[i] *= gain;
      values[values.length - 1 - i] *= gain;
    }
  }

  // Loop between two instants, in seconds; playback goes on where it is, if that is inside.
  setRegion(start, end) {
    const position = this.position;
    const playing = this.playing;
    this.pause();
    const length = Math.min(Math.max(end - start, Player.MIN_LOOP), this.duration);
    this.start = Math.max(0, Math.min(start, this.duration - length));
    this.end = this.start + length;
    const inside = position > this.start && position < this.end;
    this.offset = inside ? position - this.start : 0;
    this.slice();
    if (playing) this.play();
  }

  play(at = this.nextInstant()) {
    if (this.playing || !this.slices.size) return;
    this.playing = true;
    this.origin = at - this.offset; // when the region's start sounded, or would have
    const voices = new Map();
    for (const [name, buffer] of this.slices) {
      const source = new AudioBufferSourceNode(this.context, { buffer, loop: this.looping });
      const gain = new GainNode(this.context, { gain: 0 });
      source.connect(gain).connect(this.context.destination);
      source.start(at, this.offset);
      voices.set(name, { source, gain: gain.gain });
    }
    this.voices = voices;
    this.fade(this.selected, at, true);
    this.settled = at + Player.FADE;
    voices.get(this.selected).source.addEventListener("ended", () => this.ended(voices));
  }

  pause() {
    if (!this.playing) return;
    const at = this.nextInstant();
    this.offset = this.elapsed(at + Player.FADE);
    this.playing = false;
    this.fade(this.selected, at, false);
    this.settled = at + Player.FADE;
    for (const { source } of this.voices.values()) source.stop(this.settled);
  }

  ended(voices) {
    if (!this.playing || voices !== this.voices) return; // a pause ended it
    this.playing = false;
    this.offset = 0;
    this.onstop();
  }

  // Make another signal audible, at the same instant of the recording.
  select(name, at = this.nextInstant()) {
    if (name === this.selected) return;
    if (this.playing) {
      const start = Math.max(at, this.settled); // fades must not overlap
      const turn = start + Player.FADE;
      this.fade(this.selected, start, false);
      this.fade(name, turn, true);
      this.settled = turn + Player.FADE; // start + 2 * FADE may be less, by rounding
    }
    this.selected = name;
  }

  nextInstant() {
    return Math.max(this.context.currentTime + Player.LOOK_AHEAD, this.settled ?? 0);
  }

  fade(name, at, up) {
    const envelope = Float32Array.from({ length: 65 }, (_, i) => {
      const gain = 0.5 - 0.5 * Math.cos((Math.PI * i) / 64);
      return up ? gain : 1 - gain;
    });
    this.voices.get(name).gain.setValueCurveAtTime(envelope, at, Player.FADE);
  }

  setLooping(looping) {
    if (this.playing) {
      const now = this.context.currentTime;
      this.origin = now - this.elapsed(now); // forget the loops so far
      for (const { source } of this.voices.values()) source.loop = looping;
    }
    this.looping = looping;
  }

  // Seconds into the region at a time of the context.
  elapsed(at) {
    if (!this.playing) return this.offset;
    const seconds = Math.max(0, at - this.origin);
    const length = this.end - this.start;
    return this.looping ? seconds % length : Math.min(seconds, length);
  }

  // The instant of the recording that sounds now, in seconds.
  get position() {
    return this.start + this.elapsed(this.context.currentTime);
  }
}
