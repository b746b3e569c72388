// Tokens → lines of cells: where each stands. Lengths in CSS pixels. Draws nothing.

export const TEXT = 37; // a line's height of text, with room for a rank above it
export const MIDDLE = 23; // of the text, from the line's top
export const LANE = 11; // of one lane of bars
export const BETWEEN = 3; // between two lanes
export const GUTTER = 36; // before the first cell, for the lanes' names
const AFTER = 14; // between two lines
const SPACE = 5; // what a blank in the text adds
const LEAST = 15; // a cell's width: narrower bars cannot be told apart
export const FINGER = 24; // the same where words are pressed with a finger
const HANGING = 22; // kept free for a closing mark that may not begin a line

const CLOSING = /^[。，、；：！？）」』】》〉,.;:!?)\]}’”…]$/u;

/** A line's height with so many lanes under its text. */
export const lineHeight = (lanes) => TEXT + lanes * (LANE + BETWEEN) + AFTER;

/**
 * The lines of some tokens, each `{ top, cells: [{ token, x, width }] }`, in a place so wide.
 *
 * gaps: what stands in the text before each token: "" none, " " a blank, "\n" a new line. The question's tokens,
 * from `askedFrom` on, begin a line of their own. least: what a cell is wide at the least.
 */
export function layOut({ tokens, gaps, askedFrom, width, lanes, measure, least = LEAST }) {
  const lines = [];
  const height = lineHeight(lanes);
  const room = width - HANGING;
  let line = null;
  let x = 0;
  const begin = () => {
    line = { top: lines.length * height, cells: [] };
    lines.push(line);
    x = GUTTER;
  };
  tokens.forEach((token, k) => {
    const size = Math.min(Math.max(measure(token) + 4, least), Math.max(room - GUTTER, least));
    const gap = gaps[k] === " " ? SPACE : 0;
    const full = line !== null && line.cells.length > 0 && x + gap + size > room;
    if (
      line === null ||
      gaps[k] === "\n" ||
      k === askedFrom ||
      (full && !(CLOSING.test(token) && x + gap + size <= width))
    )
      begin();
    else x += gap;
    line.cells.push({ token: k, x, width: size });
    x += size;
  });
  return { lines, height: lines.length * height, line: height };
}

/** For each token the number of its line. */
export function linesOf(lines) {
  return lines.flatMap((line, number) => line.cells.map(() => number));
}

/** The token at a place, or null. */
export function tokenAt({ lines, line }, x, y) {
  const row = lines[Math.floor(y / line)];
  const cell = row?.cells.find((each) => x >= each.x && x < each.x + each.width);
  return cell ? cell.token : null;
}

/** The token nearest above (-1) or below (1) another; itself if there is no such line. */
export function beside({ lines }, at, by) {
  const number = lines.findIndex((line) => line.cells.at(-1).token >= at);
  const to = lines[number + by];
  if (!to) return at;
  const from = lines[number].cells.find((cell) => cell.token === at);
  const middle = from.x + from.width / 2;
  const distance = (cell) => Math.abs(cell.x + cell.width / 2 - middle);
  return to.cells.reduce((best, cell) => (distance(cell) < distance(best) ? cell : best)).token;
}
