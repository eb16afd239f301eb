"use strict";

// One listener's way through the test, kept in the browser so that a reload loses nothing.
// Nothing here touches the document.

const FORMAT = "sklearn-audiosr listening answers";
const FORMAT_VERSION = 2;

// A number in [0, 2^32) from a text: FNV-1a over its UTF-8 bytes.
function hash(text) {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  }
  return value;
}

// A function that gives numbers in [0, 1): Marsaglia's xorshift, 32 bits.
function generator(seed) {
  let state = seed || 1; // 0 would stay 0
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) next(); // like seeds give like first numbers
  return next;
}

// The items in an order that the seed and the purpose determine: Fisher and Yates.
function shuffled(items, seed, purpose) {
  const random = generator(hash(`${seed}/${purpose}`));
  const order = [...items].sort();
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

// CRC-32 of a text's UTF-8 bytes, as zlib has it: shows an answers file that was edited.
function crc32(text) {
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

class Session {
  constructor(test, storage) {
    this.test = test;
    this.storage = storage;
    this.key = `sklearn-audiosr-listening/${test.id}`;
    this.state = null; // as long as no listener has begun
    try {
      this.state = JSON.parse(storage.getItem(this.key));
    } catch {
      // no storage, or not ours: begin anew
    }
  }

  begin(listener, transducer) {
    const { id, trials, training } = this.test;
    const seed = hash(`${id}/${listener}`);
    const stimuli = Object.fromEntries(trials.map((trial) => [trial.id, trial.stimuli]));
    const steps = (phase) =>
      shuffled(Object.keys(stimuli), seed, phase).map((trial) => ({
        trial,
        training: phase === "training",
        order: shuffled(stimuli[trial], seed, `${phase}/${trial}`),
        scores: {},
        heard: {}, // seconds
        plays: {},
        seconds: 0,
        comment: "",
      }));
    const started = new Date().toISOString();
    const all = [...(training ? steps("training") : []), ...steps("test")];
    this.state = { listener, transducer, seed, started, finished: null, step: 0, steps: all };
    return this.save();
  }

  // Tell whether the browser keeps it.
  save() {
    try {
      this.storage.setItem(this.key, JSON.stringify(this.state));
      return true;
    } catch {
      return false;
    }
  }

  // undefined as long as no listener has begun
  get step() {
    return this.state?.steps[this.state.step];
  }

  // The stimuli of this step that were not heard long enough, and those without a score.
  get missing() {
    const { order, heard, scores } = this.step;
    const unheard = (name) => (heard[name] ?? 0) < Player.MIN_LOOP;
    return {
      reference: unheard("reference"),
      unheard: order.filter(unheard),
      unrated: order.filter((name) => scores[name] === undefined),
    };
  }

  get complete() {
    const { reference, unheard, unrated } = this.missing;
    return this.step.training || !(reference || unheard.length || unrated.length);
  }

  // Go on to the next step; tell whether there is one.
  advance() {
    if (this.state.step + 1 < this.state.steps.length) {
      this.state.step += 1;
    } else {
      this.state.finished = new Date().toISOString();
    }
    this.save();
    return !this.state.finished;
  }

  forget() {
    this.state = null;
    try {
      this.storage.removeItem(this.key);
    } catch {
      // nothing was kept
    }
  }

  // What is saved at the end. `analyze` joins the stimuli's ids with the experimenter's key.
  answers() {
    const { listener, transducer, deviceRate, seed, started, finished, steps } = this.state;
    const trials = steps.filter((step) => !step.training).map((step) => ({
      trial: step.trial,
      seconds: round(step.seconds),
      reference: { plays: step.plays.reference ?? 0, heard: round(step.heard.reference) },
      stimuli: step.order.map((stimulus) => ({
        stimulus,
        score: step.scores[stimulus],
        plays: step.plays[stimulus] ?? 0,
        heard: round(step.heard[stimulus]),
      })),
      comment: step.comment,
    }));
    const answers = {
      format: FORMAT,
      version: FORMAT_VERSION,
      test: this.test.id,
      listener,
      transducer,
      device_rate: deviceRate,
      seed,
      started,
      finished,
      trials,
    };
    return { ...answers, checksum: checksum(answers) };
  }
}

function round(seconds) {
  return Math.round(100 * (seconds ?? 0)) / 100;
}

// Of every field, as canonical JSON (RFC 8785): fields by their names, no blanks. _answers.py
// computes the same.
function checksum(answers) {
  const sort = (_, value) => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
    return Object.fromEntries(Object.keys(value).sort().map((name) => [name, value[name]]));
  };
  return crc32(JSON.stringify(answers, sort));
}
