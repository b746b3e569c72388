// Lines over a lag on a logarithmic scale, drawn as SVG. Lines differ in dashes as well as in colour.

import { shape } from "./dom.js";
import { power } from "./numbers.js";

export const DASHES = ["", "9 4", "2 4", "12 4 2 4", "5 3", "1 3", "14 5", "7 3 2 3"];
const LOWEST = -12; // decades; below it nothing is left that could be learnt from
const HIGHEST = 12; // above it nothing could be learnt either
const LEFT = 52;
const RIGHT = 14;
const NAMES = 166; // pixels for the lines' names at their ends, in a picture that has room for them
const ROOMY = 720;
const TOP = 30;
const BOTTOM = 40;

/**
 * A picture of lines `{ values }` over lags, so many pixels wide. What is 0 or too small lies on the bottom line.
 *
 * begun: for each line values that it had before, or null, drawn thinly. at: the lag that is read, or null. least, most: decades that are shown in any case. names: of the lines.
 * x, y, label: the words of the axes, and of the whole picture. picked: called with a lag that is pressed.
 */
export function drawCurves({ lags, lines, begun = [], at, width: whole, least, most: top, names, x, y, label, picked }) {
  const width = whole >= ROOMY ? whole - NAMES : whole;
  const height = Math.round(Math.min(420, Math.max(260, width * 0.36)));
  const decades = lines.flatMap(({ values }) =>
    values.filter((value) => value > 0).map((value) => Math.log10(value)),
  );
  const low = Math.max(LOWEST, Math.floor(Math.min(least, ...decades)));
  const high = Math.min(HIGHEST, Math.ceil(Math.max(top, ...decades) - 1e-9)) || 0;
  const most = lags.at(-1) || 1;
  const across = (lag) => LEFT + ((width - LEFT - RIGHT) * lag) / most;
  const down = (decade) =>
    TOP + ((height - TOP - BOTTOM) * (high - Math.max(low, Math.min(high, decade)))) / (high - low || 1);
  const svg = shape("svg", {
    viewBox: `0 0 ${whole} ${height}`,
    width: whole,
    height,
    role: "img",
    "aria-label": label,
    class: "curves",
  });
  svg.append(...grid(low, high, down, width), ...ticks(most, across, height, x, width));
  if (at !== null)
    svg.append(
      shape("line", { class: "guide", x1: across(at), x2: across(at), y1: TOP, y2: height - BOTTOM }),
    );
  begun.forEach((values, k) => values && svg.append(line(values, lags, across, down, low, k, null, "begun")));
  lines.forEach(({ values }, k) => svg.append(line(values, lags, across, down, low, k, at)));
  svg.append(shape("text", { class: "axis", x: 0, y: 14 }, y));
  if (whole > width) svg.append(...ends(lines, names, down, low, width));
  svg.addEventListener("click", ({ clientX }) => {
    const box = svg.getBoundingClientRect();
    const lag = (most * ((clientX - box.left) * (whole / box.width) - LEFT)) / (width - LEFT - RIGHT);
    if (lag >= 0 && lag <= most) picked(lag);
  });
  return svg;
}

/** The lines' names at their ends, none over another. */
function ends(lines, names, down, low, width) {
  const apart = 16;
  const places = lines
    .map(({ values }, k) => {
      const last = values.findLast((value) => value !== null);
      return { k, y: down(last > 0 ? Math.log10(last) : low) };
    })
    .sort((a, b) => a.y - b.y);
  places.forEach((label, n) => {
    if (n) label.y = Math.max(label.y, places[n - 1].y + apart);
  });
  const over = places.length ? Math.max(0, places.at(-1).y - down(low)) : 0;
  return places.map(({ k, y }) =>
    shape(
      "text",
      { class: `end series-${k}`, x: width - RIGHT + 8, y: y - over + 4 },
      names[k],
    ),
  );
}

function grid(low, high, down, width) {
  const step = [1, 2, 3, 5, 10].find((size) => (high - low) / size <= 8); // 1 is always among them
  const marks = [];
  for (let decade = Math.floor(high / step) * step; decade >= low; decade -= step) {
    marks.push(
      shape("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: down(decade), y2: down(decade) }),
    );
    marks.push(
      shape(
        "text",
        { class: "tick", x: LEFT - 8, y: down(decade) + 4, "text-anchor": "end" },
        decade === 0 ? "1" : `${decade === LOWEST ? "≤" : decade === HIGHEST ? "≥" : ""}${power(decade)}`,
      ),
    );
  }
  return marks;
}

function ticks(most, across, height, x, width) {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((size) => most / size <= width / 90) ?? most;
  const marks = [];
  for (let lag = 0; lag <= most; lag += step)
    marks.push(
      shape(
        "text",
        { class: "tick", x: across(lag), y: height - BOTTOM + 18, "text-anchor": "middle" },
        String(lag),
      ),
    );
  marks.push(
    shape(
      "text",
      { class: "axis", x: (LEFT + width - RIGHT) / 2, y: height - 4, "text-anchor": "middle" },
      x,
    ),
  );
  return marks;
}

function line(values, lags, across, down, low, k, at, kind = "line") {
  const points = values.map((value, n) =>
    value === null
      ? null
      : `${across(lags[n]).toFixed(1)} ${down(value > 0 ? Math.log10(value) : low).toFixed(1)}`,
  );
  const d = points
    .map((point, n) => (point === null ? "" : `${n === 0 || points[n - 1] === null ? "M" : "L"}${point}`))
    .join("");
  const group = shape(
    "g",
    { class: `series-${k}` },
    shape("path", { class: kind, d, "stroke-dasharray": DASHES[k % DASHES.length] }),
  );
  const index = at === null ? -1 : lags.indexOf(at);
  if (index >= 0 && points[index]) {
    const [cx, cy] = points[index].split(" ");
    group.append(shape("circle", { class: "dot", cx, cy, r: 4.5 }));
  }
  return group;
}

/** A short piece of a line, for a legend. */
export function lineKey(k) {
  return shape(
    "svg",
    { class: `key series-${k}`, width: 34, height: 10, "aria-hidden": "true" },
    shape("line", {
      class: "line",
      x1: 0,
      x2: 34,
      y1: 5,
      y2: 5,
      "stroke-dasharray": DASHES[k % DASHES.length],
    }),
  );
}
