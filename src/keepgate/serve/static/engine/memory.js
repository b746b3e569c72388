// The memory of one layer and direction as a sum of writes, s_t = keep s_(t-1) + write: what is left of each, and who erased it.

import { Fault } from "../fault.js";

/** The terms of one step. Raises Fault for a cell whose memory is no sum of writes. */
export function termsOf(place, step) {
  const { cell, units } = place;
  if (!cell.keep || !cell.keepWithoutWrite)
    throw new Fault("no_memory", "the memory of this cell is no sum of what was written");
  const at = cell.states.indexOf(cell.memory) * units;
  const compute = (term) => {
    const out = new Float64Array(units);
    term(units, step.traced, step.prev, out);
    return out;
  };
  const [keep, keepWithoutWrite] = [compute(cell.keep), compute(cell.keepWithoutWrite)];
  const before = step.prev.subarray(at, at + units);
  const write = cell.write
    ? compute(cell.write)
    : step.next.subarray(at, at + units).map((value, u) => value - keep[u] * before[u]);
  return { keep, keepWithoutWrite, write, before };
}

/** All states after a step, with its write left out, or nothing erased, or both. */
export function changedStep(place, wx, prev, { noWrite, noErase }) {
  const { cell, units } = place;
  const step = place.step(wx, prev);
  const { keep, keepWithoutWrite, write, before } = termsOf(place, step);
  const factor = noWrite ? keepWithoutWrite : keep;
  const memory = before.map((value, u) => (noErase ? value : factor[u] * value) + (noWrite ? 0 : write[u]));
  if (cell.states.length === 1) return memory;
  const next = new Float64Array(place.size);
  cell.given(units, memory, wx, step.uh, prev, place.weights.vectors, step.traced, next);
  return next;
}

/** Steps in the order of reading. */
export const inOrder = (place, values) => (place.reverse ? [...values].reverse() : values);

/**
 * What became of the write of a step, in all units or in one, as shares of its size: `left` after each step, `erased` by
 * each, and `atEnd`.
 */
export function retentionOf(place, steps, at, unit = null) {
  const order = inOrder(place, steps);
  const first = place.reverse ? steps.length - 1 - at : at;
  const { write } = termsOf(place, order[first]);
  const units = unit === null ? [...write.keys()] : [unit];
  const sizes = units.map((u) => Math.abs(write[u]));
  const size = sizes.reduce((sum, each) => sum + each, 0);
  const [left, erased] = [new Float64Array(steps.length), new Float64Array(steps.length)];
  const share = units.map(() => 1);
  const keep = new Float64Array(place.units);
  if (size > 0)
    order.slice(first).forEach((step, n) => {
      place.cell.keep(place.units, step.traced, step.prev, keep);
      const t = place.reverse ? steps.length - 1 - first - n : first + n;
      units.forEach((u, k) => {
        if (n) {
          erased[t] += (Math.abs(share[k] * (1 - keep[u])) * sizes[k]) / size;
          share[k] *= keep[u];
        }
        left[t] += (share[k] * sizes[k]) / size;
      });
    });
  const atEnd = size > 0 ? 1 - erased.reduce((sum, each) => sum + each, 0) : 0;
  return { size, left, erased, atEnd, written: units.map((u) => ({ unit: u, value: write[u] })) };
}

/** How far a state moved at each step, against the mean of its norms before and after; null where it was empty before. */
export function movesOf(place, steps, state) {
  const at = place.cell.states.indexOf(state) * place.units;
  return steps.map(({ prev, next }) => {
    let [moved, before, after] = [0, 0, 0];
    for (let k = at; k < at + place.units; ++k) {
      moved += (next[k] - prev[k]) ** 2;
      before += prev[k] ** 2;
      after += next[k] ** 2;
    }
    return before > 0 ? (2 * Math.sqrt(moved)) / (Math.sqrt(before) + Math.sqrt(after)) : null;
  });
}
