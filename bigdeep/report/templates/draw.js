"use strict";
// The net of the page, and the way a drawing gets into MNIST's frame: as bigdeep/data/photo.py does it.
const net = JSON.parse(document.getElementById("net").textContent);
const SIDE = 28, BOX = 20;

function unpacked(text, rounded) {
  const bytes = Uint8Array.from(atob(text), each => each.charCodeAt(0));
  if (!rounded) return new Float32Array(bytes.buffer);
  const halves = new Uint16Array(bytes.buffer), words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i] << 16;
  return new Float32Array(words.buffer);
}

for (const layer of net.layers) {
  layer.weights = unpacked(layer.kernel, layer.rounded);
  layer.gain = unpacked(layer.scale, false);
  layer.offset = unpacked(layer.shift, false);
  layer.kernel = null;
}

const ACTIVATIONS = {
  linear: a => a,
  relu: a => Math.max(a, 0),
  squared_relu: a => Math.max(a, 0) ** 2,
  gelu: a => 0.5 * a * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (a + 0.044715 * a * a * a))),
  tanh: Math.tanh,
  scaled_tanh: a => 1.7159 * Math.tanh(0.6666 * a),
  sigmoid: a => 1 / (1 + Math.exp(-a)),
};

const words = new Uint32Array(1), floats = new Float32Array(words.buffer);
function bfloat16(value) {
  floats[0] = value;
  words[0] = (words[0] + 0x7fff + (words[0] >>> 16 & 1)) & 0xffff0000;
  return floats[0];
}

function forward(pixels) {
  let x = Float32Array.from(pixels, value => value / 127.5 - 1);
  for (const layer of net.layers) {
    const width = layer.gain.length, a = new Float32Array(width), weights = layer.weights;
    for (let i = 0; i < layer.inputs; i++) {
      const factor = layer.rounded ? bfloat16(x[i]) : x[i];
      if (factor !== 0) for (let j = 0, at = i * width; j < width; j++) a[j] += factor * weights[at + j];
    }
    if (layer.normalise) {
      let mean = 0, square = 0;
      for (const value of a) { mean += value / width; square += value * value / width; }
      const scale = 1 / Math.sqrt(square - mean * mean + layer.normalise);
      for (let j = 0; j < width; j++) a[j] = (a[j] - mean) * scale;
    }
    const activation = ACTIVATIONS[layer.activation];
    for (let j = 0; j < width; j++) a[j] = activation(a[j] * layer.gain[j] + layer.offset[j]);
    x = a;
  }
  return x.map(each => each / net.temperature);
}

function softmax(logits) {
  const top = Math.max(...logits), powers = Array.from(logits, each => Math.exp(each - top));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map(each => each / sum);
}

// Rows of numbers resampled to `size` by a triangle as wide as the scale: anti-aliased, as Pillow's BILINEAR.
function resampled(rows, size) {
  const length = rows[0].length, scale = length / size, support = Math.max(scale, 1);
  const weights = Array.from({length: size}, (_, i) => {
    const centre = (i + 0.5) * scale, first = Math.max(0, Math.round(centre - support)), last = Math.min(length, Math.round(centre + support));
    const found = [];
    for (let j = first; j < last; j++) found.push(Math.max(0, 1 - Math.abs((j + 0.5 - centre) / support)));
    const sum = found.reduce((a, b) => a + b, 0) || 1;
    return [first, found.map(each => each / sum)];
  });
  return rows.map(row => weights.map(([first, found]) => found.reduce((sum, weight, j) => sum + weight * row[first + j], 0)));
}

function transposed(rows) { return rows[0].map((_, i) => rows.map(row => row[i])); }

// Ink (rows of values) -> 28 x 28 values: longer side 20 pixels, strongest 255, centre of mass at (14, 14); null for none.
function framed(ink) {
  const inked = ink.map(row => row.some(each => each > 25)), columns = transposed(ink).map(row => row.some(each => each > 25));
  const [top, bottom, left, right] = [inked.indexOf(true), inked.lastIndexOf(true), columns.indexOf(true), columns.lastIndexOf(true)];
  if (top < 0) return null;
  const cut = ink.slice(top, bottom + 1).map(row => row.slice(left, right + 1));
  const height = cut.length, width = cut[0].length, scale = BOX / Math.max(height, width);
  const size = [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))];
  let small = transposed(resampled(transposed(resampled(cut, size[1])), size[0]));
  const strongest = Math.max(...small.flat());
  small = small.map(row => row.map(each => each * 255 / strongest));
  const sum = small.flat().reduce((a, b) => a + b), mass = [0, 0];
  small.forEach((row, y) => row.forEach((value, x) => { mass[0] += y * value / sum; mass[1] += x * value / sum; }));
  const at = mass.map((each, axis) => Math.min(SIDE - size[axis], Math.max(0, Math.round(SIDE / 2 - each))));
  const frame = Array.from({length: SIDE}, () => new Array(SIDE).fill(0));
  small.forEach((row, y) => row.forEach((value, x) => { frame[at[0] + y][at[1] + x] = Math.round(value); }));
  return {frame, wide: width > 1.6 * height};
}

function padded(frame) {
  const size = net.size, before = Math.floor((size - SIDE) / 2), pixels = new Float32Array(size * size);
  frame.forEach((row, y) => row.forEach((value, x) => { pixels[(y + before) * size + x + before] = value; }));
  return pixels;
}

const paper = document.getElementById("paper"), pen = paper.getContext("2d", {willReadFrequently: true});
const seen = document.getElementById("seen").getContext("2d");
const guess = document.getElementById("guess"), bars = document.getElementById("bars"), doubt = document.getElementById("doubt");
const rows = net.names.map(name => {
  const label = document.createElement("span"), bar = document.createElement("i"), value = document.createElement("span");
  label.textContent = name;
  const fill = bar.appendChild(document.createElement("b"));
  bars.append(label, bar, value);
  return {fill, value};
});

function show() {
  const {data} = pen.getImageData(0, 0, paper.width, paper.height);
  const ink = Array.from({length: paper.height}, (_, y) => Array.from({length: paper.width}, (_, x) => data[4 * (y * paper.width + x) + 3]));
  const found = framed(ink);
  const picture = seen.createImageData(SIDE, SIDE);
  let scores = null;
  if (found) {
    scores = softmax(forward(padded(found.frame)));
    found.frame.flat().forEach((value, i) => picture.data.set([value, value, value, 255], 4 * i));
  }
  seen.putImageData(picture, 0, 0);
  rows.forEach(({fill, value}, i) => {
    fill.style.width = scores ? 100 * scores[i] + "%" : 0;
    value.textContent = scores ? (100 * scores[i]).toFixed(1) + " %" : "";
  });
  const best = scores ? scores.indexOf(Math.max(...scores)) : -1;
  guess.textContent = scores ? net.names[best] : "";
  doubt.textContent = !scores ? "" : found.wide ? "Wider than a digit: several in a row?" : scores[best] < 0.9 ? "The net is unsure." : "";
  return scores;
}

function clear() { pen.clearRect(0, 0, paper.width, paper.height); show(); }

let last = null, waiting = false;
function later() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; show(); });
}
function place(event) {
  const box = paper.getBoundingClientRect();
  return [(event.clientX - box.left) * paper.width / box.width, (event.clientY - box.top) * paper.height / box.height];
}
function stroke(to) {
  pen.lineWidth = paper.width / 13;
  pen.lineCap = pen.lineJoin = "round";
  pen.strokeStyle = "#fff";
  pen.beginPath();
  pen.moveTo(...last);
  pen.lineTo(...to);
  pen.stroke();
  last = to;
  later();
}
paper.onpointerdown = event => { paper.setPointerCapture(event.pointerId); last = place(event); stroke([last[0] + 0.01, last[1]]); };
paper.onpointermove = event => { if (last) for (const each of event.getCoalescedEvents?.() || [event]) stroke(place(each)); };
paper.onpointerup = paper.onpointercancel = () => { last = null; };
document.getElementById("clear").onclick = clear;
addEventListener("keydown", event => { if (event.key === "Escape") clear(); });
show();
