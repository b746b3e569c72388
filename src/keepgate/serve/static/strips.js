// One line of the strip, drawn: tokens with a lane of bars for each gate, and what is marked on them.
// Nothing is told by colour alone: a bar's height is the value, marks have shapes of their own.

import { BETWEEN, GUTTER, LANE, MIDDLE, TEXT } from "./layout.js";

const TOP = 12; // a rank stands above it
const FAINT = 0.004; // below it a bar is no line

/** The page's colours as they are now, light or dark. */
export function palette() {
  const style = getComputedStyle(document.documentElement);
  const named = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: named("ink"),
    soft: named("soft"),
    paper: named("paper"),
    trough: named("trough"),
    accent: named("accent"),
    source: named("source"),
    wrong: named("wrong"),
    f: named("f"),
    z: named("f"),
    i: named("i"),
    o: named("o"),
    r: named("r"),
    other: named("c"),
  };
}

/**
 * Draws a line whose top is the canvas's.
 *
 * scene: { tokens, lanes: [{ name, colour, values }], font, sansFont, hover, at, focused, selected, source: [from, to) | null,
 *          ranks: Map token→rank, remove: Set, drop: Set, keep: Set, unknown: Set, askedFrom, askedMark }
 */
export function drawLine(pen, line, scene, colours) {
  drawGrounds(pen, line, scene, colours);
  scene.lanes.forEach((lane, number) =>
    drawLane(pen, line, scene, colours, lane, TEXT + number * (LANE + BETWEEN)),
  );
  for (const cell of line.cells) drawToken(pen, cell, scene, colours);
  if (line.cells[0].token === scene.askedFrom) gutterMark(pen, scene, colours);
  drawCursor(pen, line, scene, colours);
}

/** Where the question begins, said before its line. */
function gutterMark(pen, scene, colours) {
  pen.font = scene.laneFont;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.fillStyle = colours.soft;
  pen.fillText(scene.askedMark, GUTTER - 7, MIDDLE);
}

function drawGrounds(pen, line, scene, colours) {
  if (!scene.source) return;
  const marked = line.cells.filter((cell) => cell.token >= scene.source[0] && cell.token < scene.source[1]);
  if (!marked.length) return;
  const first = marked[0];
  const last = marked.at(-1);
  pen.fillStyle = colours.source;
  pen.beginPath();
  pen.roundRect(first.x - 1, TOP, last.x + last.width - first.x + 2, TEXT - TOP - 2, 5);
  pen.fill();
}

function drawLane(pen, line, scene, colours, lane, top) {
  pen.font = scene.laneFont;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.fillStyle = colours[lane.colour] ?? colours.other;
  pen.fillText(lane.label ?? lane.name, GUTTER - 7, top + LANE / 2 + 0.5);
  for (const { token, x, width } of line.cells) {
    const value = lane.values[token];
    pen.fillStyle = colours.trough;
    pen.fillRect(x, top, width - 1, LANE);
    if (value === null || value === undefined) continue;
    const height = Math.min(1, Math.max(0, value)) * LANE;
    if (value < FAINT) continue;
    pen.fillStyle = colours[lane.colour] ?? colours.other;
    pen.fillRect(x, top + LANE - Math.max(height, 0.75), width - 1, Math.max(height, 0.75));
  }
}

function drawToken(pen, { token, x, width }, scene, colours) {
  const middle = x + width / 2;
  const chosen = token === scene.selected;
  if (chosen) {
    pen.fillStyle = colours.ink;
    pen.beginPath();
    pen.roundRect(x - 1, TOP, width + 1, TEXT - TOP - 2, 4);
    pen.fill();
  }
  pen.font = scene.font;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = chosen
    ? colours.paper
    : token >= scene.askedFrom || scene.unknown.has(token)
      ? colours.soft
      : colours.ink;
  pen.fillText(scene.tokens[token], middle, MIDDLE, width + 6);
  if (scene.unknown.has(token)) dotted(pen, x + 2, x + width - 3, TEXT - 4, colours.soft);
  if (scene.ranks.has(token)) rank(pen, middle, scene.ranks.get(token), chosen, scene, colours);
  if (scene.remove.has(token)) struck(pen, x, width, chosen ? colours.paper : colours.wrong);
  if (scene.drop.has(token)) struck(pen, x, width, chosen ? colours.paper : colours.wrong, [3, 3]);
  if (scene.keep.has(token) && scene.keep.size < scene.tokens.length) held(pen, x, width, chosen ? colours.paper : colours.accent);
}

function rank(pen, middle, number, chosen, scene, colours) {
  pen.fillStyle = chosen ? colours.paper : colours.accent;
  pen.fillRect(middle - 6, TEXT - 5, 12, 2.5);
  pen.fillStyle = colours.accent;
  pen.font = scene.rankFont;
  pen.textBaseline = "alphabetic";
  pen.fillText(String(number), middle, TOP - 3);
}

/** A token that is taken out, struck through; one that only writes nothing, with dashes. */
function struck(pen, x, width, colour, dashes = []) {
  pen.strokeStyle = colour;
  pen.lineWidth = 2.5;
  pen.setLineDash(dashes);
  pen.beginPath();
  pen.moveTo(x + 1, TEXT - 6);
  pen.lineTo(x + width - 2, TOP + 3);
  pen.stroke();
  pen.setLineDash([]);
}

/** A token that may erase nothing: between brackets, so that no frame is taken for the cursor's. */
function held(pen, x, width, colour) {
  const [top, bottom, hook] = [TOP + 1.5, TEXT - 3.5, 4];
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  pen.beginPath();
  for (const [side, inwards] of [
    [x + 0.5, hook],
    [x + width - 1.5, -hook],
  ]) {
    pen.moveTo(side + inwards, top);
    pen.lineTo(side, top);
    pen.lineTo(side, bottom);
    pen.lineTo(side + inwards, bottom);
  }
  pen.stroke();
}

function dotted(pen, from, to, y, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  pen.setLineDash([1.5, 2.5]);
  pen.beginPath();
  pen.moveTo(from, y);
  pen.lineTo(to, y);
  pen.stroke();
  pen.setLineDash([]);
}

/**
 * The column that the keys stand on, framed; and thinly the one under the pointer. The word that is explained has a ground
 * of its own, and no frame but that of the keys.
 */
function drawCursor(pen, line, scene, colours) {
  const height = TEXT + scene.lanes.length * (LANE + BETWEEN);
  for (const { token, x, width } of line.cells) {
    const walked = scene.focused && token === scene.at;
    if (!walked && (token !== scene.hover || token === scene.selected)) continue;
    pen.strokeStyle = walked ? colours.accent : colours.soft;
    pen.lineWidth = walked ? 2.5 : 1;
    pen.beginPath();
    pen.roundRect(x - 1.5, 1.5, width + 2, height, 4);
    pen.stroke();
  }
}
