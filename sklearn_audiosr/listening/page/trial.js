"use strict";

// The screen of a trial: signals, stimuli, ratings and keys.

const LETTERS = "ABCDEFGHIJKL";
const REFERENCE = "reference";

let columns; // what stands for each stimulus, by its name
let lastTick;

// ---- signals

// Signals come in scripts, since a page that was opened as a file may not fetch others.
function readSignals(trial) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    window.receiveSignals = (id, signals) => id === trial && resolve(signals);
    script.addEventListener("load", () => script.remove());
    script.addEventListener("error", () => {
      reject(new Error(`The file audio/${trial}.js is missing: the whole folder is needed.`));
    });
    script.src = `audio/${trial}.js`;
    document.head.append(script);
  });
}

function decode(base64) {
  const text = atob(base64);
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  return context.decodeAudioData(bytes.buffer);
}

async function openTrial(step) {
  context ??= new AudioContext({ latencyHint: "interactive" });
  player ??= new Player(context);
  player.onstop = refresh;
  player.load(new Map());
  buildColumns(step);
  alertListener("Loading …");
  at("trial").inert = true;
  try {
    const signals = await readSignals(step.trial);
    const names = [REFERENCE, ...step.order];
    const buffers = await Promise.all(names.map((name) => decode(signals[name])));
    if (session.step !== step) return; // started over meanwhile
    player.load(new Map(names.map((name, i) => [name, buffers[i]])));
  } catch (error) {
    if (session.step === step) alertListener(error.message);
    return;
  }
  session.state.deviceRate = context.sampleRate;
  alertListener(warnOfDevice());
  at("trial").inert = false;
  openTimeline();
  refresh();
  at("reference").focus({ preventScroll: true });
}

// A wireless headset whose microphone is on plays at 8 or 16 kHz.
function warnOfDevice() {
  const [device, needed] = [context.sampleRate, listeningTest.sampling_rate];
  if (device >= needed) return "";
  return `This device plays ${device} Hz, less than the ${needed} Hz of the recordings. Take another.`;
}

// ---- the trial

function buildColumns(step) {
  columns = new Map();
  at("stimuli").replaceChildren();
  at("stimuli").style.setProperty("--count", step.order.length);
  step.order.forEach((name, i) => {
    const column = at("stimulus").content.cloneNode(true).firstElementChild;
    const [button, slider, output] = column.children;
    column.setAttribute("aria-label", `Stimulus ${LETTERS[i]}`);
    button.textContent = LETTERS[i];
    button.setAttribute("aria-label", `Play stimulus ${LETTERS[i]}`);
    slider.setAttribute("aria-label", `Rating of stimulus ${LETTERS[i]}`);
    slider.addEventListener("input", () => rate(name, slider.valueAsNumber));
    // a slider at 0 that is to stay there: a click on it is a rating too
    slider.addEventListener("click", () => rate(name, slider.valueAsNumber));
    button.addEventListener("click", () => listen(name));
    column.addEventListener("click", (event) => {
      if (slider.disabled && event.target !== button) listen(name);
    });
    columns.set(name, { column, button, slider, output });
    at("stimuli").append(column);
  });
}

// Play a signal, or go over to it at the same instant.
function listen(name) {
  count();
  player.select(name);
  session.step.plays[name] = (session.step.plays[name] ?? 0) + 1;
  start();
  refresh();
  const { slider, column } = columns.get(name) ?? {};
  if (!slider) return;
  slider.focus({ preventScroll: true }); // so that a screen reader tells the rating
  column.scrollIntoView({ block: "nearest" });
}

function start() {
  context.resume(); // browsers wait for a gesture
  player.play();
}

function toggle() {
  count();
  if (player.playing) player.pause();
  else start();
  refresh();
}

// Only the slider of what is being heard is enabled: see refresh.
function rate(name, score) {
  session.step.scores[name] = Math.min(100, Math.max(0, Math.round(score)));
  refresh();
  session.save();
}

// Add the time since the last call to what was heard.
function count() {
  const now = { page: performance.now() / 1000, audio: context?.currentTime ?? 0 };
  const step = session.state && !session.state.finished && session.step;
  if (step && lastTick) {
    const { heard } = step;
    const played = player?.playing ? now.audio - lastTick.audio : 0;
    if (played) heard[player.selected] = (heard[player.selected] ?? 0) + played;
    step.seconds += Math.min(1, now.page - lastTick.page); // not what a sleeping page leaves out
  }
  lastTick = now;
}

// ---- what the page shows

function refresh() {
  const { step } = session;
  at("play").querySelector(".text").textContent = player.playing ? "Pause" : "Play";
  at("play").classList.toggle("playing", player.playing);
  at("reference").setAttribute("aria-pressed", player.selected === REFERENCE);
  at("loop").setAttribute("aria-pressed", player.looping);
  for (const [name, { column, button, slider, output }] of columns) {
    const selected = player.selected === name;
    const score = step.scores[name];
    button.setAttribute("aria-pressed", selected);
    column.classList.toggle("rated", score !== undefined);
    column.classList.toggle("selected", selected);
    slider.disabled = !selected;
    slider.value = score ?? 0;
    slider.setAttribute("aria-valuetext", score === undefined ? "not rated" : describe(score));
    output.textContent = score ?? "–";
  }
  showMissing();
}

function describe(score) {
  const labels = ["Bad", "Poor", "Fair", "Good", "Excellent"];
  return `${score}, ${labels[Math.min(4, Math.floor(score / 20))]}`;
}

function showMissing() {
  const { step, complete, missing, state } = session;
  const letters = (names) => names.map((name) => LETTERS[step.order.indexOf(name)]);
  const parts = [];
  const unheard = [...(missing.reference ? ["the reference"] : []), ...letters(missing.unheard)];
  if (unheard.length) parts.push(`Still to hear: ${unheard.join(", ")}.`);
  if (missing.unrated.length) parts.push(`Still to rate: ${letters(missing.unrated).join(", ")}.`);
  if (!parts.length && !Object.values(step.scores).includes(100)) {
    parts.push("One of the stimuli is the reference itself: it deserves 100.");
  }
  setText(at("missing"), step.training ? "" : parts.join(" "));
  const next = state.steps[state.step + 1];
  const label = step.training && next && !next.training ? "Start the test" : "Continue";
  setText(at("next"), next ? label : "Finish");
  at("next").disabled = !complete;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text; // what is the same stays unsaid
}

// ---- keys

function turn(slider, key) {
  const steps = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 };
  const pages = { PageUp: 10, PageDown: -10 };
  const ends = { Home: 0, End: 100 };
  return ends[key] ?? slider.valueAsNumber + (steps[key] ?? pages[key]);
}

const ACTIONS = {
  " ": toggle,
  R: () => listen(REFERENCE),
  O: () => at("loop").click(),
  X: () => at("whole").click(),
  "[": () => setRegion(player.position, player.end),
  "]": () => setRegion(player.start, player.position),
};

function press(event) {
  const { target } = event;
  if (at("trial").hidden || at("trial").inert) return;
  const modified = event.ctrlKey || event.altKey || event.metaKey;
  if (modified && !event.getModifierState("AltGraph")) return; // which makes brackets
  if (target.matches("textarea")) return;
  if (event.key === " " && target.matches("button:focus-visible, summary")) return; // its own
  const name = keyName(event);
  const { order } = session.step;
  const rates = /^(Arrow|Page|Home|End)/.test(event.key) && !target.closest(".timeline");
  const slider = columns.get(player.selected)?.slider;
  if (ACTIONS[name]) ACTIONS[name]();
  else if (name.length === 1 && LETTERS.slice(0, order.length).includes(name)) {
    listen(order[LETTERS.indexOf(name)]);
  } else if (rates && slider) rate(player.selected, turn(slider, event.key));
  else return;
  event.preventDefault();
}

// The Latin letter of a key on any layout.
function keyName({ key, code }) {
  const letter = /^[a-z]$/i.test(key) ? key : key.length === 1 && /^Key(.)$/.exec(code)?.[1];
  return (letter || key).toUpperCase();
}
