// Values over time as lines, the forecast behind them, and lanes of bars below: where each stands, and its SVG.

import { shape } from "../dom.js";
import { size } from "../numbers.js";

export const [LEFT, RIGHT] = [58, 10]; // of the lines, for the numbers and the lanes' names
const [NAME, TALL, LOW] = [22, 170, 62]; // heights: a row's name, a row that is forecast or alone, another
const [AXIS, LANE, BETWEEN] = [40, 14, 4]; // of the times and the marks, of a lane, between two
const [LETTER, APART] = [6.6, 26]; // pixels of a letter of a time, and between two times
const TICKS = 5; // numbers beside a row, at most
// Steps between two times that are named: of numbered steps, and of others, which mostly are hours or days.
const ROUND = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
const CLOCK = [1, 2, 3, 6, 12, 24, 48, 72, 96, 168, 336, 672, 1344];
export const MOST_ROWS = 6; // that are drawn

/**
 * Where everything stands, so many pixels wide. read: the server's reply. lanes: how many stand below.
 *
 * across(step): a step's left edge. cell(token): [from, to] in pixels of what the network reads at once. tokenAt(x): which is there.
 */
export function layOut(read, width, lanes) {
  const steps = read.times.length;
  const total = steps + (read.forecast?.times.length ?? 0);
  const across = (step) => LEFT + ((width - LEFT - RIGHT) * step) / total;
  const rows = read.rows.slice(0, MOST_ROWS);
  const tall = (k) => (k === 0 && (read.forecast || rows.length === 1) ? TALL : read.forecast ? LOW : Math.max(LOW, TALL / rows.length));
  let top = 0;
  const places = rows.map((_, k) => {
    const place = { top: top + NAME, height: tall(k) };
    top = place.top + place.height;
    return place;
  });
  const laneTop = (k) => top + AXIS + k * (LANE + BETWEEN);
  const edge = (token) => read.cells[token] ?? steps;
  const cell = (token) => [across(edge(token)), across(edge(token + 1))];
  const tokenAt = (x) => {
    const step = Math.floor(((x - LEFT) * total) / (width - LEFT - RIGHT));
    return step < 0 || step >= steps ? null : read.cells.findLastIndex((first) => first <= step);
  };
  return { width, height: laneTop(lanes) + 2, bottom: top, rows, places, steps, total, across, cell, edge, laneTop, tokenAt };
}

/** The picture: rows of values with the forecast, times, and lanes `{ label, colour, values, cells }`. */
export function draw(read, laid, lanes, label) {
  const { width, height } = laid;
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true", class: "series-chart" });
  svg.append(shape("title", {}, label));
  laid.rows.forEach((row, k) => svg.append(...drawRow(row, laid.places[k], laid, k === 0 ? read.forecast : null)));
  svg.append(...times(read, laid));
  lanes.forEach((lane, k) => svg.append(...drawLane(lane, laid.laneTop(k), laid)));
  return svg;
}

function drawRow({ name, values }, place, laid, forecast) {
  const all = [...values, ...(forecast ? [...forecast.point, ...forecast.low, ...forecast.high, ...forecast.came] : [])];
  const known = all.filter((value) => value !== null);
  const [least, most] = known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
  const spread = most - least || Math.abs(most) || 1;
  const beyond = most > least ? 0.04 : 1;
  const [low, high] = [least - beyond * spread, most + beyond * spread];
  const down = (value) => place.top + (place.height * (high - value)) / (high - low);
  const x = (step) => laid.across(step + 0.5);
  return [
    shape("text", { class: "row-name", x: LEFT, y: place.top - 6 }, name),
    ...ticksOf(low, high, place.height > LOW ? TICKS : 2).flatMap(({ value, text }) => tick(text, down(value), laid)),
    ...(forecast ? ahead(forecast, values, place, laid, down, x) : []),
    shape("path", { class: "values", d: path(values, 0, x, down) }),
  ];
}

const tick = (text, y, { width }) => [
  shape("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y, y2: y }),
  shape("text", { class: "tick", x: LEFT - 8, y: y + 4, "text-anchor": "end" }, text),
];

/** The forecast after the last value, its interval, what came, and the step that is looked at. */
function ahead({ point, low, high, came, ahead: at }, values, place, laid, down, x) {
  const first = laid.steps;
  const last = values[first - 1];
  const before = last === null ? [] : [last]; // from which all goes on
  const start = first - before.length;
  const edgeOf = (bound) => [...before, ...bound].map((value, k) => [x(start + k), down(value)]);
  const band = low.every((value) => value !== null) ? [...edgeOf(low), ...edgeOf(high).reverse()] : [];
  const edge = laid.across(first);
  return [
    band.length ? shape("path", { class: "interval", d: `M${band.map((pair) => pair.map((n) => n.toFixed(1)).join(" ")).join("L")}Z` }) : null,
    shape("line", { class: "now", x1: edge, x2: edge, y1: place.top, y2: place.top + place.height }),
    shape("path", { class: "came", d: path([...before, ...came], start, x, down) }),
    shape("path", { class: "forecast", d: path([...before, ...point], start, x, down) }),
    shape("circle", { class: "asked", cx: x(first + at - 1), cy: down(point[at - 1]), r: 4.5 }),
  ].filter(Boolean);
}

/** A line through values from a step on, broken where there is none. */
function path(values, first, x, down) {
  return values
    .map((value, k) => (value === null ? "" : `${k === 0 || values[k - 1] === null ? "M" : "L"}${x(first + k).toFixed(1)} ${down(value).toFixed(1)}`))
    .join("");
}

/** Round numbers from a low to a high one, so many at most, and as texts, which have equally many decimals. */
function ticksOf(low, high, most) {
  const power = 10 ** Math.floor(Math.log10((high - low) / most));
  const step = [1, 2, 5, 10].map((size) => size * power).find((size) => (high - low) / size <= most);
  const first = Math.ceil(low / step);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const written = (value) => (decimals > 4 || step >= 1e6 ? size(value) : value.toFixed(decimals).replace("-", "−"));
  return Array.from({ length: Math.max(0, Math.floor(high / step) - first + 1) }, (_, k) => (first + k) * step).map((value) => ({
    value,
    text: written(value),
  }));
}

/** A few times, spread over the picture. */
function times(read, laid) {
  const all = [...read.times, ...(read.forecast?.times ?? [])];
  const half = (LETTER * Math.max(...all.map((name) => name.length))) / 2;
  const numbered = all.every((name) => /^\d+$/.test(name));
  const room = (2 * half + APART) / (laid.across(1) - laid.across(0)); // steps
  const stride = (numbered ? ROUND : CLOCK).find((each) => each >= room) ?? Math.ceil(room);
  const first = numbered ? (stride - (Number(all[0]) % stride)) % stride : Math.max(0, all.findIndex((name) => name.endsWith(" 00:00")) % stride);
  const steps = Array.from({ length: Math.ceil((all.length - first) / stride) }, (_, k) => first + k * stride);
  return steps
    .map((step) => ({ step, x: laid.across(step + 0.5) }))
    .filter(({ x }) => x - half > 0 && x + half < laid.width)
    .map(({ step, x }) => shape("text", { class: "tick", x, y: laid.bottom + 17, "text-anchor": "middle" }, all[step]));
}

function drawLane({ label, colour, values, cells }, top, laid) {
  const edge = (k) => laid.across(cells ? cells(k) : laid.edge(k));
  const bars = values
    .map((value, k) => {
      const height = Math.min(1, Math.max(0, value ?? 0)) * LANE;
      if (height < 0.06) return "";
      const [x, end] = [edge(k), edge(k + 1)];
      const width = Math.max(0.7, end - x - (end - x > 3 ? 1 : 0));
      return box(x, top + LANE - height, width, height);
    })
    .join("");
  const ground = values.map((value, k) => (value === null ? "" : box(edge(k), top, edge(k + 1) - edge(k), LANE))).join("");
  return [
    shape("text", { class: `lane-name ${colour}`, x: LEFT - 8, y: top + LANE - 3, "text-anchor": "end" }, label),
    shape("path", { class: "trough", d: ground }),
    shape("path", { class: `bars ${colour}`, d: bars }),
  ];
}

const box = (x, y, width, height) => `M${x.toFixed(2)} ${y.toFixed(2)}h${width.toFixed(2)}v${height.toFixed(2)}h${(-width).toFixed(2)}z`;

/** A frame around what the network reads at once: "selected", "walked" or "hovered"; and the letters of changes there. */
export function over(laid, token, kind, text = "") {
  const [from, to] = laid.cell(token);
  return [
    kind ? shape("rect", { class: kind, x: from, y: 1, width: Math.max(2, to - from), height: laid.height - 2 }) : null,
    text ? shape("text", { class: "made", x: (from + to) / 2, y: laid.bottom + 34, "text-anchor": "middle" }, text) : null,
  ].filter(Boolean);
}
