// A recurrent network over tokens: its layers and directions, each a cell that is stepped through, with a trace of all values.

import { cells } from "./cells.js";

/**
 * A layer and direction: its cell and weights.
 *
 * weights: { ih, hh, biasIh, biasHh, vectors } as Float64Array, rows of the gates in the cell's order.
 */
export class Place {
  constructor({ cell, layer, reverse, units, inputs, weights }) {
    Object.assign(this, { cell: cells[cell], layer, reverse, units, inputs, weights });
    this.size = this.cell.states.length * units; // of all states
    this.gates = this.cell.gates.length * units;
  }

  /** W_ih x + b_ih. */
  wx(x) {
    const { weights, inputs, gates } = this;
    return product(weights.ih, x, weights.biasIh, gates, inputs);
  }

  /** W_hh h + b_hh, or one weight a unit; nothing for a cell that does not look back. */
  uh(states, into = new Float64Array(this.gates)) {
    const { weights, units, gates } = this;
    if (this.cell.recurrent === "none") return into;
    if (this.cell.recurrent === "diagonal") {
      for (let k = 0; k < gates; ++k) into[k] = weights.hh[k] * states[k % units] + weights.biasHh[k];
      return into;
    }
    return product(weights.hh, states, weights.biasHh, gates, units, into);
  }

  /** All values of one step from the states before it. */
  step(wx, prev) {
    const { cell, units } = this;
    const uh = this.uh(prev);
    const next = new Float64Array(this.size);
    const traced = new Float64Array(cell.traced.length * units);
    cell.step(units, wx, uh, prev, this.weights.vectors, next, traced);
    return { wx, uh, prev, next, traced };
  }

  /** The steps of some inputs in the order of reading, from these states on; in the inputs' order. */
  run(wxs, states) {
    const steps = new Array(wxs.length);
    let prev = states;
    for (let n = 0; n < wxs.length; ++n) {
      const t = this.reverse ? wxs.length - 1 - n : n;
      steps[t] = this.step(wxs[t], prev);
      prev = steps[t].next;
    }
    return steps;
  }

  /** The states after all inputs from one on; keeps nothing on the way. */
  last(wxs, states, from = 0) {
    const { cell, units } = this;
    let [prev, next] = [Float64Array.from(states), new Float64Array(this.size)];
    const traced = new Float64Array(cell.traced.length * units);
    const uh = new Float64Array(this.gates);
    for (let t = from; t < wxs.length; ++t) {
      this.uh(prev, uh);
      cell.step(units, wxs[t], uh, prev, this.weights.vectors, next, traced);
      [prev, next] = [next, prev];
    }
    return prev;
  }

  initial = () => new Float64Array(this.size);
}

/** out = matrix · vector + bias; eight rows at a time, whose sums do not wait for each other. */
export function product(matrix, vector, bias, rows, columns, out = new Float64Array(rows)) {
  let row = 0;
  for (; row + 7 < rows; row += 8) {
    let a = bias[row];
    let b = bias[row + 1];
    let c = bias[row + 2];
    let d = bias[row + 3];
    let e = bias[row + 4];
    let f = bias[row + 5];
    let g = bias[row + 6];
    let h = bias[row + 7];
    let at = row * columns;
    for (let k = 0; k < columns; ++k, ++at) {
      const x = vector[k];
      a += matrix[at] * x;
      b += matrix[at + columns] * x;
      c += matrix[at + 2 * columns] * x;
      d += matrix[at + 3 * columns] * x;
      e += matrix[at + 4 * columns] * x;
      f += matrix[at + 5 * columns] * x;
      g += matrix[at + 6 * columns] * x;
      h += matrix[at + 7 * columns] * x;
    }
    out[row] = a;
    out[row + 1] = b;
    out[row + 2] = c;
    out[row + 3] = d;
    out[row + 4] = e;
    out[row + 5] = f;
    out[row + 6] = g;
    out[row + 7] = h;
  }
  for (; row < rows; ++row) {
    let sum = bias[row];
    for (let k = 0; k < columns; ++k) sum += matrix[row * columns + k] * vector[k];
    out[row] = sum;
  }
  return out;
}

/** Vectors of two directions side by side; of one direction, that itself. */
export const joined = (parts) => {
  if (parts.length === 1) return parts[0];
  const whole = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

/** The output of a place after a step. */
export const shown = (place, step) => step.next.subarray(0, place.units);

/**
 * A run of all layers over some tokens.
 *
 * first: for each place of the first layer, the sums of the inputs. Returns the steps of each place, and the last layer's outputs.
 */
export function runStack(places, first, states = places.map((place) => place.initial())) {
  const directions = places.some(({ reverse }) => reverse) ? 2 : 1;
  const steps = [];
  let output = null;
  for (let at = 0; at < places.length; at += directions) {
    const layer = places.slice(at, at + directions);
    layer.forEach((place, d) => {
      const wxs = at ? output.map((x) => place.wx(x)) : first[d];
      steps.push(place.run(wxs, states[at + d]));
    });
    output = steps[at].map((_, t) => joined(layer.map((place, d) => shown(place, steps[at + d][t]))));
  }
  return { steps, output };
}
