"use strict";

// The timeline of a trial: the reference's waveform, the loop and the position.

function openTimeline() {
  for (const id of ["loop-start", "loop-end"]) at(id).max = player.duration;
  player.setLooping(listeningTest.loop);
  showRegion(0, player.duration);
  drawWave();
}

function showRegion(start, end) {
  const named = { "loop-start": start, "loop-end": end };
  for (const [id, value] of Object.entries(named)) {
    at(id).value = value;
    at(id).setAttribute("aria-valuetext", `${value.toFixed(1)} seconds`);
  }
  const style = document.querySelector(".timeline").style;
  style.setProperty("--start", start / player.duration);
  style.setProperty("--end", end / player.duration);
}

function setRegion(start, end) {
  player.setRegion(start, end);
  showRegion(player.start, player.end);
}

// A handle that would come too near the other stops there.
function dragRegion(event) {
  const least = Math.min(Player.MIN_LOOP, player.duration);
  let [start, end] = [at("loop-start").valueAsNumber, at("loop-end").valueAsNumber];
  if (event.target === at("loop-start")) start = Math.min(start, end - least);
  else end = Math.max(end, start + least);
  if (event.type === "change") setRegion(start, end);
  else showRegion(start, end);
}

function drawWave() {
  const canvas = at("wave");
  const scale = window.devicePixelRatio;
  const [width, height] = [canvas.clientWidth * scale, canvas.clientHeight * scale];
  Object.assign(canvas, { width, height });
  const drawing = canvas.getContext("2d");
  drawing.fillStyle = getComputedStyle(canvas).color;
  const reference = player.buffers.get(REFERENCE);
  const peak = peakOf(reference, 0, reference.length) || 1;
  const bar = 3 * scale;
  for (let x = 0; x < width; x += bar) {
    const [from, to] = [x, x + bar].map((edge) => Math.floor((edge / width) * reference.length));
    const size = peakOf(reference, from, to) / peak;
    const length = Math.max(size * 0.9 * height, scale);
    drawing.fillRect(x, (height - length) / 2, bar - scale, length);
  }
}

// The greatest magnitude in any channel.
function peakOf(buffer, from, to) {
  let peak = 0;
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const part = buffer.getChannelData(channel).subarray(from, to);
    peak = part.reduce((most, value) => Math.max(most, Math.abs(value)), peak);
  }
  return peak;
}

function tick() {
  requestAnimationFrame(tick);
  if (at("trial").hidden || at("trial").inert) return;
  const { playing } = player;
  const before = session.complete;
  count();
  if (playing) showMissing();
  if (before !== session.complete) session.save();
  const { position, duration } = player;
  at("time").textContent = `${position.toFixed(1)} / ${duration.toFixed(1)} s`;
  document.querySelector(".timeline").style.setProperty("--now", position / duration);
}
