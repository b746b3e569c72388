// How a gradient fares with the lag, in a word: as the server says it.

import { EXPLODED, FLAT, GROWN, VANISHED } from "./constants.js";

/** The smallest lag from which on all values are below 1 %; null if the last is not. */
export function vanishingLag(values) {
  const lag = values.findLastIndex((value) => !(value < VANISHED)) + 1;
  return lag < values.length ? lag : null;
}

/** Whether the values grow with the lag, by a fit of their logarithms, and are above 1 at the last; or are not finite. */
function explodes(values) {
  if (!values.every(Number.isFinite)) return true;
  const points = values.map((value, lag) => [lag, Math.log(value)]).filter(([, log]) => Number.isFinite(log));
  const [x, y] = [0, 1].map((k) => points.reduce((sum, point) => sum + point[k], 0) / points.length);
  const slope = points.reduce((sum, [lag, log]) => sum + (lag - x) * (log - y), 0);
  return points.length > 1 && slope > 0 && values.at(-1) > 1;
}

export function verdict(values) {
  const [last, vanished] = [values.at(-1), vanishingLag(values)];
  if (explodes(values) && !(last < GROWN)) return last < EXPLODED ? "grows" : "explodes";
  if (vanished === null) return "arrives";
  return last > FLAT * values[vanished] ? "flat" : "gone";
}
