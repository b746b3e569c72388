// Numbers of a series as text: four digits that count, as `keepgate look` writes them.

import { size } from "../numbers.js";

const [LEAST, MOST] = [1e-4, 1e9]; // that are written out

/** A number with four digits that count and a true minus. */
export function figure(value) {
  if (value === null || value === undefined) return size(null);
  const rounded = Number(value.toPrecision(4));
  const far = Math.abs(rounded) >= MOST || (rounded !== 0 && Math.abs(rounded) < LEAST);
  return far ? size(value) : String(rounded).replace("-", "−");
}

/** The same with its sign. */
export const signedFigure = (value) => (value >= 0 ? `+${figure(value)}` : figure(value));
