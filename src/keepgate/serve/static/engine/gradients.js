// Derivatives through time: an answer's margin by every state, by lag, and to first order by every write.

import { Place } from "./layer.js";
import { termsOf } from "./memory.js";

/**
 * The gradient of the answer's margin by each state of each place after each step, the step's other states held fixed. count:
 * of how many steps at the end it is wanted, of one direction.
 */
export function byState(reading, count = Infinity) {
  const { reader, steps } = reading;
  const { places, directions } = reader;
  let upper = reader.marginByOutput(reading);
  const gradients = new Array(places.length);
  for (let first = places.length - directions; first >= 0; first -= directions) {
    const below = first ? upper.map(() => new Float64Array(places[first].inputs)) : null;
    for (let d = 0; d < directions; ++d) {
      const place = places[first + d];
      const part = upper.map((all) => all.subarray(d * place.units, (d + 1) * place.units));
      gradients[first + d] = backwards(place, steps[first + d], part, below, count);
    }
    upper = below;
  }
  return gradients;
}

/** The same of one place; adds the gradient of its inputs to `below`. */
function backwards(place, steps, dOutput, below, count) {
  const { cell, units, gates, weights } = place;
  const all = new Array(steps.length);
  const [dWx, dUh, dPrev] = [new Float64Array(gates), new Float64Array(gates), new Float64Array(place.size)];
  let arriving = new Float64Array(place.size);
  for (let n = steps.length - 1; n >= Math.max(0, steps.length - count); --n) {
    const t = place.reverse ? steps.length - 1 - n : n;
    for (let u = 0; u < units; ++u) arriving[u] += dOutput[t][u];
    all[t] = arriving;
    const { wx, uh, prev, next, traced } = steps[t];
    cell.backward(units, next, traced, wx, uh, prev, weights.vectors, arriving, dWx, dUh, dPrev);
    arriving = new Float64Array(dPrev);
    throughUh(place, dUh, arriving);
    if (below) place.ih.transposed.addTo(below[t], dWx);
  }
  return all;
}

function throughUh({ cell, weights, units, hh, scale }, dUh, into) {
  hh?.transposed.addTo(into, dUh, scale);
  if (cell.recurrent === "diagonal") dUh.forEach((d, k) => (into[k % units] += scale * weights.hh[k] * d));
}

/** The first-order effect on the answer's margin of each token's write in the last layer, or the gradient's norm there. */
export function influences(reading) {
  const { reader, steps } = reading;
  const gradients = byState(reading);
  const sizes = new Float64Array(reading.output.length);
  const gated = reader.places[0].cell.keep !== null;
  for (let p = reader.places.length - reader.directions; p < reader.places.length; ++p) {
    const place = reader.places[p];
    steps[p].forEach((step, t) => {
      sizes[t] += gated ? influence(place, step, gradients[p][t]) : squares(gradients[p][t]);
    });
  }
  return sizes.map((size) => (gated ? Math.abs(size) : Math.sqrt(size)));
}

function influence(place, step, gradient) {
  const { cell, units } = place;
  const slopes = new Float64Array(place.size);
  cell.slopes(units, step.next, step.traced, step.wx, step.uh, step.prev, place.weights.vectors, slopes);
  const { keep, keepWithoutWrite, write, before } = termsOf(place, step);
  let sum = 0;
  for (let u = 0; u < units; ++u) {
    let total = 0;
    for (let k = u; k < place.size; k += units) total += slopes[k] * gradient[k];
    sum += total * (write[u] + (keep[u] - keepWithoutWrite[u]) * before[u]);
  }
  return sum;
}

function squares(values, unit = 1) {
  let sum = 0;
  for (let k = 0; k < values.length; ++k) sum += (values[k] / unit) ** 2;
  return sum;
}

/** A vector's norm, scaled first so that squares do not underflow. */
function norm(vectors) {
  let most = 0;
  for (const vector of vectors) for (let k = 0; k < vector.length; ++k) most = Math.max(most, Math.abs(vector[k]));
  if (most === 0 || !Number.isFinite(most)) return most;
  return most * Math.sqrt(vectors.reduce((sum, vector) => sum + squares(vector, most), 0));
}

/** The norm of the margin's gradient by all states, so many steps before the end of reading, relative to that at the end. */
export function byLag(reading, lags) {
  const { places, directions } = reading.reader;
  const gradients = byState(reading, directions === 1 ? lags + 1 : Infinity);
  const at = (lag) =>
    norm(places.map(({ reverse }, p) => gradients[p][reverse ? lag : reading.output.length - 1 - lag]));
  const end = at(0);
  return Array.from({ length: lags + 1 }, (_, lag) => at(lag) / end);
}

/** A reader's places with another bias of the gate that retains, and recurrent weights scaled. */
export function changedPlaces(places, { bias, scale }) {
  return places.map((place) => {
    const { cell, units, weights } = place;
    const [gate, sign] = cell.retains ?? []; // -1 where the gate's complement retains
    const at = cell.gates.indexOf(gate);
    const biasIh = weights.biasIh.map((value, k) => (at >= 0 && Math.floor(k / units) === at ? value + sign * bias : value));
    return Object.assign(Object.create(Place.prototype), place, { weights: { ...weights, biasIh }, scale });
  });
}
