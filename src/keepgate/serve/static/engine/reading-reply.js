// A reading as the page needs it: the answer, the tokens, the gates over them, and how long the memory lasts.

import { inOrder, movesOf, retentionOf, termsOf } from "./memory.js";

/** A layer and direction of a reading, with its steps; -1 is the last layer. */
export function part(reading, layer = -1, reverse = false) {
  const { places } = reading.reader;
  const wanted = layer < 0 ? places.at(-1).layer + 1 + layer : layer;
  const at = places.findIndex((place) => place.layer === wanted && place.reverse === reverse);
  return [places[at], reading.steps[at]];
}

const mean = (values, from, count) => {
  let sum = 0;
  for (let k = from; k < from + count; ++k) sum += values[k];
  return sum / count;
};
export const meanOrOne = (values, from, count, unit) =>
  unit === null || unit === undefined ? mean(values, from, count) : values[from + unit];

export function summary({ reader }, answer) {
  return { text: answer.text, probability: answer.probability, guess: reader.guess(answer) };
}

export function readingReply(reading) {
  const { reader, tokens, steps } = reading;
  return {
    answer: { ...summary(reading, reading.answer), candidates: reading.answer.candidates },
    tokens: tokens.texts,
    starts: tokens.starts,
    ends: tokens.ends,
    question_start: reading.questionStart,
    unknown: [...tokens.texts.keys()].filter((t) => !reader.vocabulary.has(reader.vocabulary.form(tokens.texts[t]))),
    strips: reader.places.map((each, p) => stripOf(reader.model, each, steps[p])),
    lasting: lasting(...part(reading), reading.questionStart),
  };
}

/**
 * What is left of the first token's write, or above other layers of that token's of the story of whose write most is left, and the
 * tokens until half of it is gone.
 */
function lasting(place, steps, story) {
  if (!place.cell.keep) return null;
  const held = place.layer ? heldAtEnd(place, steps).slice(0, story) : [1];
  const token = held.indexOf(Math.max(...held));
  const { left, atEnd } = retentionOf(place, steps, token);
  const half = left.subarray(token).findIndex((share) => share <= 0.5);
  return { token, left: atEnd, half: half < 0 ? null : half };
}

/** For each token how much of its write is left at the end. */
function heldAtEnd(place, steps) {
  const kept = new Float64Array(place.units).fill(1);
  const held = new Array(steps.length);
  for (let t = steps.length - 1; t >= 0; --t) {
    const { write, keep } = termsOf(place, steps[t]);
    held[t] = write.reduce((sum, value, u) => sum + Math.abs(value * kept[u]), 0);
    keep.forEach((value, u) => (kept[u] *= value));
  }
  return held;
}

function stripOf({ gates }, place, steps) {
  const { cell, units, layer, reverse } = place;
  const meanOf = (gate) => steps.map(({ traced }) => mean(traced, cell.traced.indexOf(gate) * units, units));
  return {
    layer,
    reverse,
    gates: Object.fromEntries(gates.map((gate) => [gate, meanOf(gate)])),
    moves: Object.fromEntries(cell.states.map((state) => [state, movesOf(place, steps, state)])),
    telling: tellingUnit(place, steps),
    forgetting: forgettingUnit(place, steps),
  };
}

/** The unit whose memory moves most at one step: the one to look at first. */
function tellingUnit({ cell, units }, steps) {
  const at = cell.states.indexOf(cell.memory) * units;
  const most = new Float64Array(units);
  for (const { prev, next } of steps)
    for (let u = 0; u < units; ++u) most[u] = Math.max(most[u], Math.abs(next[at + u] - prev[at + u]));
  return most.indexOf(Math.max(...most));
}

/** The unit of which the share that is kept falls most from a step to the next; null where there is no such share. */
function forgettingUnit(place, steps) {
  if (!place.cell.keep || steps.length < 2) return null;
  const keeps = inOrder(place, steps).map((step) => termsOf(place, step).keep);
  const most = new Float64Array(place.units).fill(-1);
  for (let t = 1; t < keeps.length; ++t)
    for (let u = 0; u < place.units; ++u) most[u] = Math.max(most[u], keeps[t - 1][u] - keeps[t][u]);
  return most.indexOf(Math.max(...most));
}
