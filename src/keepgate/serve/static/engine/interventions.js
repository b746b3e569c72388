// The network run again with some tokens taken out whole, some writes left out, some erasures forbidden.

import { joined, runStack, shown } from "./layer.js";
import { changedStep } from "./memory.js";

const initial = (reading) => reading.reader.places.map((place) => place.initial());

/** What a place knew before a step. */
const before = (reading, place, t) => reading.steps[place][t].prev;

/** The last layer's outputs without the tokens [start, end). */
export function withoutSpan(reading, start, end) {
  const { reader, sums, output, steps } = reading;
  const oneWay = reader.directions === 1;
  const begin = oneWay ? start : 0;
  const remaining = (list) => [...list.slice(begin, start), ...list.slice(end)];
  const states = oneWay && start < output.length ? steps.map((_, p) => before(reading, p, start)) : initial(reading);
  const rest = sums.map(remaining);
  // A reader of the last state of one layer needs no more than that.
  if (oneWay && reader.places.length === 1 && !reading.query && end < output.length) {
    const place = reader.places[0];
    return [place.last(sums[0], states[0], end).subarray(0, place.units)];
  }
  const run = rest[0].length ? runStack(reader.places, rest, states).output : [];
  const whole = [...output.slice(0, begin), ...run.slice(0, start - begin)];
  whole.push(...new Array(end - start), ...run.slice(start - begin));
  return passedBy(reading, whole, (t) => t >= start && t < end);
}

/** Outputs with those of the steps that are removed filled in: what each direction knew on passing them. */
function passedBy(reading, whole, isRemoved) {
  const { reader } = reading;
  const units = reader.settings.hidden_size;
  const filled = [...whole];
  const empty = new Float64Array(units);
  const halves = Array.from(whole, () => []);
  for (let d = 0; d < reader.directions; ++d) {
    let last = empty;
    for (let n = 0; n < whole.length; ++n) {
      const t = d ? whole.length - 1 - n : n;
      if (!isRemoved(t)) last = whole[t].subarray(d * units, (d + 1) * units);
      halves[t][d] = last;
    }
  }
  for (let t = 0; t < whole.length; ++t) if (isRemoved(t)) filled[t] = joined(halves[t]);
  return filled;
}

/** The last layer's outputs with all of these changes at once; of a token that is removed, nothing else is changed. */
export function counterfactual(reading, { remove, drop, keep }) {
  const removed = new Set(remove);
  const remaining = [...reading.output.keys()].filter((t) => !removed.has(t));
  const number = new Map(remaining.map((t, n) => [t, n]));
  let run = reading;
  if (removed.size && remaining.length) {
    const sums = reading.sums.map((list) => remaining.map((t) => list[t]));
    run = { ...reading, sums, ...runStack(reading.reader.places, sums) };
  }
  const at = (tokens) => new Set(tokens.filter((t) => number.has(t)).map((t) => number.get(t)));
  const output = remaining.length ? changed(run, at(drop), at(keep)) : [];
  if (!removed.size) return output;
  const whole = new Array(reading.output.length);
  remaining.forEach((t, n) => (whole[t] = output[n]));
  return passedBy(reading, whole, (t) => removed.has(t));
}

/** The last layer's outputs with changes at some of its steps, in both directions. */
function changed(run, noWrite, noErase) {
  if (!noWrite.size && !noErase.size) return run.output;
  const { places, directions } = run.reader;
  const first = places.length - directions;
  const halves = places.slice(first).map((place, d) => {
    const steps = run.steps[first + d];
    const outputs = new Array(steps.length);
    let states = place.initial();
    let touched = false;
    for (let n = 0; n < steps.length; ++n) {
      const t = place.reverse ? steps.length - 1 - n : n;
      const how = { noWrite: noWrite.has(t), noErase: noErase.has(t) };
      if (how.noWrite || how.noErase) {
        states = changedStep(place, steps[t].wx, states, how);
        touched = true;
      } else states = touched ? place.step(steps[t].wx, states).next : steps[t].next;
      outputs[t] = shown(place, { next: states });
    }
    return outputs;
  });
  return halves[0].map((_, t) => joined(halves.map((half) => half[t])));
}
