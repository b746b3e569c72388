// A recurrent network over tokens: its layers and directions, each a cell that is stepped through, with a trace of all values.

import { cells } from "./cells.js";
import { Matrix } from "./matrix.js";

/**
 * A layer and direction: its cell and weights.
 *
 * weights: { ih, hh, biasIh, biasHh, vectors } as Float64Array, rows of the gates in the cell's order. scale: by which its
 * recurrent weights are multiplied.
 */
export class Place {
  constructor({ cell, layer, reverse, units, inputs, weights }) {
    Object.assign(this, { cell: cells[cell], layer, reverse, units, inputs, weights, scale: 1 });
    this.size = this.cell.states.length * units; // of all states
    this.gates = this.cell.gates.length * units;
    this.ih = new Matrix(weights.ih, this.gates, inputs);
    this.hh = this.cell.recurrent === "dense" ? new Matrix(weights.hh, this.gates, units) : null;
  }

  /** W_ih x + b_ih. */
  wx(x) {
    return this.ih.addTo(new Float64Array(this.weights.biasIh), x);
  }

  /** W_hh h + b_hh, or one weight a unit; nothing for a cell that does not look back. */
  uh(states, into = new Float64Array(this.gates)) {
    const { weights, units, gates, scale } = this;
    if (this.cell.recurrent === "none") return into;
    into.set(weights.biasHh);
    if (this.hh) return this.hh.addTo(into, states, scale);
    for (let k = 0; k < gates; ++k) into[k] += scale * weights.hh[k] * states[k % units];
    return into;
  }

  /** All values of one step from the states before it. at: takes so many numbers of memory. */
  step(wx, prev, at = (count) => new Float64Array(count)) {
    const { cell, units } = this;
    const uh = this.uh(prev, at(this.gates));
    const [next, traced] = [at(this.size), at(cell.traced.length * units)];
    cell.step(units, wx, uh, prev, this.weights.vectors, next, traced);
    return { wx, uh, prev, next, traced };
  }

  /** The steps of some inputs in the order of reading, from these states on; in the inputs' order. */
  run(wxs, states) {
    const steps = new Array(wxs.length);
    const all = new Float64Array(wxs.length * (this.gates + this.size + this.cell.traced.length * this.units));
    let [prev, used] = [states, 0];
    const at = (count) => all.subarray(used, (used += count));
    for (let n = 0; n < wxs.length; ++n) {
      const t = this.reverse ? wxs.length - 1 - n : n;
      steps[t] = this.step(wxs[t], prev, at);
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
