// Lag × feature: what each step of each feature adds to a number, a row of bars for each feature, the newest step at the right.

import { shape } from "../dom.js";

const [HALF, GAP, TOP, FOOT] = [26, 16, 24, 40]; // heights: of a bar, between two rows, above and below all
const RIGHT = 64; // for the sums
const LABELS = 90; // pixels for a lag's name

/**
 * The picture, so many pixels wide. rows: { name, values, total }, of each feature its shares by step and their sum as it is
 * written. x, label: the words of the axis, and of the whole picture. lagName: what a lag is called.
 */
export function drawLags({ rows, width, x, label, lagName }) {
  const steps = rows[0].values.length;
  const most = Math.max(...rows.flatMap(({ values }) => values.map(Math.abs)), 1e-30);
  const reach = width - RIGHT;
  const cell = reach / steps;
  const stride = 2 * HALF + GAP + 18;
  const height = TOP + rows.length * stride + FOOT;
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label, class: "lags" });
  rows.forEach(({ name, values, total }, k) => {
    const middle = TOP + k * stride + HALF + 8;
    svg.append(
      shape("text", { class: "row-name", x: 0, y: middle - HALF - 8 }, name),
      shape("text", { class: "tick", x: reach + 8, y: middle + 4 }, total),
      shape("line", { class: "grid", x1: 0, x2: reach, y1: middle, y2: middle }),
      shape("path", { class: "adds", d: bars(values, middle, cell, most, 1) }),
      shape("path", { class: "takes", d: bars(values, middle, cell, most, -1) }),
    );
  });
  const bottom = TOP + rows.length * stride;
  for (const lag of lagsOf(steps, Math.max(2, Math.floor(reach / LABELS))))
    svg.append(shape("text", { class: "tick", x: reach - (lag + 0.5) * cell, y: bottom + 10, "text-anchor": lag ? "middle" : "end" }, lagName(lag)));
  svg.append(shape("text", { class: "axis", x: reach, y: bottom + 32, "text-anchor": "end" }, x));
  return svg;
}

/** Bars of one sign. */
function bars(values, middle, cell, most, sign) {
  return values
    .map((value, k) => {
      const height = Math.max(0, (sign * value) / most) * HALF;
      if (height < 0.05) return "";
      const width = Math.max(0.7, 0.86 * cell);
      return `M${(k * cell).toFixed(2)} ${middle}h${width.toFixed(2)}v${(-sign * height).toFixed(2)}h${(-width).toFixed(2)}z`;
    })
    .join("");
}

/** Round lags from 0 on, about so many. */
function lagsOf(steps, most) {
  const step = [1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 500, 1000].find((each) => steps / each <= most) ?? Math.ceil(steps / most);
  return Array.from({ length: Math.ceil(steps / step) }, (_, k) => k * step);
}
