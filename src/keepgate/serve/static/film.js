// The story as a film: a frame for each token with what the memory held then, and the gatekeepers of the one that is read.

import { shape } from "./dom.js";
import { DOORS, gatekeepers, written } from "./gatekeepers.js";

const FRAME = 86; // a frame's height
const [LEAST, MOST] = [52, 96]; // a frame's width
const MIDDLE = 58; // of a frame, where a memory of 0 lies
const REACH = 19; // how far the largest memory is from there
const [LETTER, BESIDE] = [9.5, 8]; // a letter's width at most, and what is left beside a word

/**
 * The picture, so many pixels wide.
 *
 * tokens: in the order of reading. at: the one that is read. memory: what the memory held after each, or null while unknown.
 * gates: null, or what the gatekeepers did: { cell, parts }. lit: the phase that happens now: "forget", "select" or "output".
 * label: what is said of it. picked: called with a frame that is pressed.
 */
export function film({ tokens, at, memory, gates, lit, label, width, picked }) {
  const longest = Math.max(...tokens.map((token) => [...token].length));
  const least = Math.min(MOST, Math.max(LEAST, LETTER * longest + BESIDE));
  const columns = Math.max(3, Math.min(13, 2 * Math.floor((width / least - 1) / 2) + 1));
  const column = Math.min(MOST, width / columns);
  const left = (width - columns * column) / 2;
  const first = Math.max(0, Math.min(at - (columns - 1) / 2, tokens.length - columns)); // the frame that is read is in it
  const height = FRAME + (gates ? DOORS : 0);
  const svg = shape("svg", { class: "film", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
  const places = Array.from({ length: columns }, (_, k) => ({ token: first + k, x: left + k * column }));
  for (const { token, x } of places) svg.append(...frame(tokens[token], x, column, token - at));
  svg.addEventListener("click", ({ clientX, clientY }) => {
    const box = svg.getBoundingClientRect();
    const pressed = first + Math.floor((((clientX - box.left) * width) / box.width - left) / column);
    if (clientY - box.top < (FRAME * box.width) / width && tokens[pressed] !== undefined) picked(pressed);
  });
  if (memory) svg.append(...plot(places.filter(({ token }) => token >= 0 && token <= at), memory, column));
  if (gates) svg.append(...gatekeepers({ ...gates, lit, width, top: FRAME }));
  return svg;
}

/** A frame with its token and its holes; one after the end is empty. */
function frame(token, x, width, later) {
  const kind = later === 0 ? "now" : later < 0 ? "past" : "next";
  const shapes = [shape("rect", { class: `frame ${token === undefined ? "none" : kind}`, x: x + 1, y: 1, width: width - 2, height: FRAME - 2, rx: 4 })];
  for (const y of [6, FRAME - 10])
    for (const part of [0.2, 0.5, 0.8]) shapes.push(shape("rect", { class: "hole", x: x + part * width - 4, y, width: 8, height: 4, rx: 1 }));
  if (token !== undefined) shapes.push(written(shortened(token, width), x + width / 2, 28, `letter ${kind}`));
  return shapes;
}

const shortened = (token, width) => {
  const fits = Math.max(2, Math.floor((width - BESIDE) / LETTER));
  return [...token].length > fits ? `${[...token].slice(0, fits - 1).join("")}…` : token;
};

/** The memory after each of some frames, as a line through them with a bar in each. */
function plot(places, memory, width) {
  const most = Math.max(...memory.map(Math.abs), 1e-30);
  const points = places.map(({ token, x }) => [x + width / 2, MIDDLE - (REACH * memory[token]) / most]);
  const bars = points.map(([x, y]) =>
    shape("rect", { class: "held", x: x - 7, y: Math.min(y, MIDDLE), width: 14, height: Math.max(1, Math.abs(y - MIDDLE)) }),
  );
  const line = shape("path", { class: "plot", d: points.map(([x, y], k) => `${k ? "L" : "M"}${x} ${y}`).join("") });
  return [...bars, line, ...points.slice(-1).map(([cx, cy]) => shape("circle", { class: "head", cx, cy, r: 4 }))];
}
