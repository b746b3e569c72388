// The picture of a cell's gatekeepers: the main plot through its door, what joins it, and what is on screen.

import { shape } from "./dom.js";
import { signed, unit } from "./numbers.js";

export const DOORS = 150; // the picture's height
const [MAIN, BELOW] = [38, 112]; // from its top, where the main plot runs, and what joins or leaves it
const DOOR = 34; // a door's height, and how wide its way is

/**
 * The shapes of the picture, from `top` on and so wide. cell: "lstm" or "gru". parts: by name, each { name, letter, value }; of
 * an LSTM before, f, g, i, now, o, shown, of a GRU before, z, r, n, write, now. Without values it shows letters. lit: the phase.
 */
export function gatekeepers({ cell, parts, lit, width, top = 0 }) {
  return (cell === "gru" ? gru : lstm)(parts, lit, (part) => part * width, top + MAIN, top + BELOW);
}

function lstm({ before, f, g, i, now, o, shown }, lit, across, main, below) {
  return [
    way(`M0 ${main}H${across(1)}`, "main"),
    way(`M${across(0.16)} ${below}H${across(0.5)}V${main}`, "side"),
    way(`M${across(0.66)} ${main}V${below}H${across(0.94)}`, "side"),
    ...box(before, across(0.1), main, "main"),
    ...door(f, across(0.3), main, lit === "forget"),
    ...joint(across(0.5), main, lit === "select"),
    ...box(now, across(0.66), main, "main"),
    ...box(g, across(0.16), below, "side"),
    ...door(i, across(0.36), below, lit === "select"),
    ...door(o, across(0.76), below, lit === "output"),
    ...box(shown, across(0.92), below, "side"),
  ];
}

function gru({ before, z, r, n, write, now }, lit, across, main, below) {
  return [
    way(`M0 ${main}H${across(1)}`, "main"),
    way(`M${across(0.2)} ${main}V${below}H${across(0.72)}V${main}`, "side"),
    ...box(before, across(0.1), main, "main"),
    ...door(z, across(0.46), main, lit === "forget"),
    ...joint(across(0.72), main, lit === "select"),
    ...box(now, across(0.87), main, "main"),
    ...door(r, across(0.27), below, lit === "select"),
    ...box(n, across(0.43), below, "side"),
    ...door(write, across(0.6), below, lit === "select"),
  ];
}

const way = (d, name) => shape("path", { class: `way ${name}`, d });

const joint = (x, y, lit) => [
  shape("circle", { class: `joint${lit ? " lit" : ""}`, cx: x, cy: y, r: 10 }),
  written("+", x, y, "sign"),
];

/** A number in a box, or a letter where there is none, its name above it. */
function box({ name, letter, value }, x, y, kind) {
  const width = 54;
  return [
    shape("rect", { class: `box ${kind}`, x: x - width / 2, y: y - 13, width, height: 26, rx: 6 }),
    written(value === undefined ? letter : value === 0 ? "0" : signed(value), x, y, "value"),
    written(name, Math.max(x, width / 2 + 6), y - 23, "name"),
  ];
}

/** A way with a gatekeeper, filled as far as it is open: as the bars on the strip are. */
function door({ name, letter, value }, x, y, lit) {
  const open = Math.max(0, Math.min(1, value ?? 0)) * DOOR;
  const top = y - DOOR / 2;
  return [
    shape("rect", { class: `door${lit ? " lit" : ""}`, x: x - 9, y: top, width: 18, height: DOOR, rx: 2 }),
    shape("rect", { class: `open gate-${letter}`, x: x - 7, y: top + DOOR - open, width: 14, height: open }),
    written(value === undefined ? name : `${name} ${unit(value)}`, x, y + DOOR / 2 + 11, `name${lit ? " lit" : ""}`),
  ];
}

/** A text of a picture. */
export function written(content, x, y, kind) {
  const element = shape("text", { class: kind, x, y });
  element.textContent = content;
  return element;
}
