// A reading as the page needs it: the answer, the tokens, the gates over them, and how long the memory lasts.

import { movesOf, retentionOf } from "./memory.js";

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
  const [place, last] = part(reading);
  const first = place.cell.keep ? retentionOf(place, last, 0) : null;
  const halved = first ? first.left.findIndex((share) => share <= 0.5) : -1;
  return {
    answer: { ...summary(reading, reading.answer), candidates: reading.answer.candidates },
    tokens: tokens.texts,
    starts: tokens.starts,
    ends: tokens.ends,
    question_start: reading.questionStart,
    unknown: [...tokens.texts.keys()].filter((t) => !reader.vocabulary.has(reader.vocabulary.form(tokens.texts[t]))),
    strips: reader.places.map((each, p) => stripOf(reader.model, each, steps[p])),
    left_of_first: first && first.atEnd,
    half_of_first: first && halved >= 0 ? halved : null,
  };
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
