"use strict";

// The page: its screens, and the answers at the end. `listeningTest` comes from test.js.

const at = (id) => document.getElementById(id);
const session = new Session(listeningTest, openStorage());
let context, player;

function openStorage() {
  try {
    return window.localStorage;
  } catch {
    return null; // forbidden by the browser's settings: see Session.save
  }
}

// ---- moving between the screens

function show(screen) {
  for (const id of ["welcome", "trial", "finish"]) at(id).hidden = id !== screen;
  at("progress").hidden = at("restart").hidden = screen !== "trial";
  if (screen !== "trial") at("step").textContent = "";
  window.scrollTo(0, 0);
}

function alertListener(text) {
  at("alert").textContent = text;
  at("alert").hidden = !text;
}

function showWelcome() {
  show("welcome");
  alertListener(""); // which was of a trial
  at("start").reset();
}

async function showTrial() {
  const { step, state } = session;
  const phase = state.steps.filter(({ training }) => training === step.training);
  const number = `${phase.indexOf(step) + 1} of ${phase.length}`;
  at("step").textContent = `${step.training ? "Training" : "Trial"} ${number}`;
  at("progress").value = state.step / state.steps.length;
  at("restart").textContent = `Not ${state.listener}? Start over`;
  at("training-note").hidden = !step.training;
  at("comment").value = step.comment;
  document.querySelector(".comment").open = Boolean(step.comment);
  at("last-key").textContent = LETTERS[step.order.length - 1];
  show("trial");
  await openTrial(step);
}

function showFinish() {
  player?.pause();
  show("finish");
  at("answers").value = at("copied").textContent = ""; // of an earlier listener
  at("answers").hidden = true;
  const listener = session.state.listener.replace(/[^\p{L}\p{M}\p{N}]+/gu, "-");
  at("file-name").textContent = `answers-${listeningTest.id}-${listener}.json`;
  at("closing").textContent = listeningTest.closing;
}

function proceed() {
  if (!session.state) return showWelcome();
  return session.state.finished ? showFinish() : showTrial();
}

// ---- the answers

function saveAnswers() {
  const text = JSON.stringify(session.answers(), null, 1);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = at("file-name").textContent;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function copyAnswers() {
  at("answers").value = JSON.stringify(session.answers(), null, 1);
  try {
    await navigator.clipboard.writeText(at("answers").value);
    at("copied").textContent = "Copied.";
  } catch {
    at("answers").hidden = false;
    at("answers").select();
    at("copied").textContent = "Copy this text:";
  }
}

// ---- the beginning

function begin(event) {
  event.preventDefault();
  const transducer = new FormData(at("start")).get("transducer");
  const kept = session.begin(at("listener").value.trim(), transducer);
  proceed();
  if (!kept) window.alert("This browser keeps nothing: do not close or reload the page.");
}

function goOn() {
  count();
  player.pause();
  if (session.advance()) showTrial();
  else {
    showFinish();
    saveAnswers();
  }
}

function restart() {
  if (!window.confirm("Delete the answers so far and start over?")) return;
  player?.pause();
  session.forget();
  showWelcome();
}

function fillIn() {
  document.title = at("title").textContent = listeningTest.title;
  const paragraphs = listeningTest.instructions.map((text) => {
    const paragraph = document.createElement("p");
    paragraph.textContent = text;
    return paragraph;
  });
  at("instructions").replaceChildren(...paragraphs);
  at("consent").hidden = !listeningTest.consent;
  at("consent").querySelector("input").required = Boolean(listeningTest.consent);
  at("consent").querySelector("span").textContent = listeningTest.consent ?? "";
}

function connect() {
  const clicks = {
    play: toggle,
    reference: () => listen(REFERENCE),
    loop: () => (player.setLooping(!player.looping), refresh()),
    whole: () => setRegion(0, player.duration),
    next: goOn,
    save: saveAnswers,
    copy: copyAnswers,
    restart,
    another: () => (session.forget(), showWelcome()),
  };
  for (const [id, action] of Object.entries(clicks)) at(id).addEventListener("click", action);
  for (const id of ["loop-start", "loop-end"]) {
    for (const type of ["input", "change"]) at(id).addEventListener(type, dragRegion);
  }
  at("start").addEventListener("submit", begin);
  at("comment").addEventListener("input", () => {
    session.step.comment = at("comment").value;
    session.save();
  });
  document.addEventListener("keydown", press);
  window.addEventListener("resize", () => player?.duration && !at("trial").hidden && drawWave());
  window.addEventListener("pagehide", () => session.state && session.save());
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    if (player?.duration) drawWave();
  });
}

fillIn();
connect();
proceed();
requestAnimationFrame(tick);
