// A reader that points: one network over a text and its question, in both directions; then the scores of spans and of no answer.

import { CANDIDATES, RUNNER_UP } from "./constants.js";
import { joined, runStack } from "./layer.js";
import { linear } from "./matrix.js";
import { add, placesOf, softmax } from "./reader.js";
import { fold, tokenize } from "./text.js";
import { widened } from "./weights.js";

const [BITS, SIZE, STEM] = [16, 0.5, 4]; // as in keepgate.tasks.pointer.features
const NEVER = -1e4;

const stemOf = (token) => [...token].slice(0, STEM).join("");

/** Numbers that tell a token from others: FNV-1a of its first letters, then the finalizer of MurmurHash3. */
function code(stem) {
  let number = 2166136261;
  for (const letter of stem) number = Math.imul(number ^ letter.codePointAt(0), 16777619);
  number = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  number = Math.imul(number ^ (number >>> 13), 0xc2b2ae35);
  number ^= number >>> 16;
  return Array.from({ length: BITS }, (_, bit) => ((number >>> bit) & 1 ? SIZE : -SIZE));
}

/** Of folded tokens beside those of the other side: the code, three matches, and whether they are the question's. */
function featuresOf(tokens, others, asked) {
  const [own, other] = [tokens.map(stemOf), others.map(stemOf)];
  const pair = (a, b) => JSON.stringify([a, b]);
  const singles = new Set(other);
  const pairs = new Set(other.slice(1).map((stem, k) => pair(other[k], stem)));
  return own.map((stem, k) => [
    ...code(stem),
    Number(singles.has(stem)),
    Number(k + 1 < own.length && pairs.has(pair(stem, own[k + 1]))),
    Number(k > 0 && pairs.has(pair(own[k - 1], stem))),
    asked,
  ]);
}

export class PointerReader {
  constructor({ model, settings, tokens, weights }) {
    this.model = model;
    this.settings = settings;
    this.choices = null;
    this.numbers = new Map(tokens.map((text, k) => [text, k + 2]));
    this.vocabulary = { has: () => true, form: (text) => text }; // no token is unknown: each has its code
    this.tensors = widened(weights);
    this.directions = 2;
    this.places = placesOf(this.tensors, { ...settings, bidirectional: true }, model.cell, "network.layer");
    this.layerParameters = Object.entries(this.tensors)
      .filter(([name]) => name.startsWith("network.layer."))
      .reduce((sum, [, { data }]) => sum + data.length, 0);
  }

  /** What the network is given for each token of a text and of its question. */
  inputs(text, asked) {
    const { data, shape } = this.tensors["network.word.weight"];
    const rows = [...featuresOf(text, asked, 0), ...featuresOf(asked, text, 1)];
    return [...text, ...asked].map((token, k) => {
      const id = this.numbers.get(token) ?? 1;
      return Float64Array.from([...data.subarray(id * shape[1], (id + 1) * shape[1]), ...rows[k]]);
    });
  }

  /** Reads a text and a question: its tokens, the run of the network over them, and the answer. */
  read(text, question) {
    const [textTokens, questionTokens] = [tokenize(text), tokenize(question)];
    const length = [...text].length;
    const inputs = this.inputs(textTokens.texts.map(fold), questionTokens.texts.map(fold));
    const sums = this.places.slice(0, 2).map((place) => inputs.map((x) => place.wx(x)));
    const tokens = {
      texts: [...textTokens.texts, ...questionTokens.texts],
      starts: [...textTokens.starts, ...questionTokens.starts.map((start) => start + length)],
      ends: [...textTokens.ends, ...questionTokens.ends.map((end) => end + length)],
    };
    const reading = { reader: this, text, question, tokens, sums, query: null, ...runStack(this.places, sums) };
    reading.questionStart = textTokens.texts.length;
    reading.probabilities = softmax(this.scores(reading, reading.output));
    reading.answer = this.answer(reading.probabilities, reading);
    reading.number = reading.answer.number;
    return reading;
  }

  /** The pointer's hidden units at each token of the text, what was asked, and the largest of each unit. */
  hidden({ questionStart: count }, output) {
    const units = this.settings.hidden_size;
    const { "network.pointer.weight": weight, "network.pointer.bias": bias } = this.tensors;
    const asked = joined([output.at(-1).subarray(0, units), output[count].subarray(units)]);
    const rows = output
      .slice(0, count)
      .map((state) => linear(weight, joined([state, asked]), bias).map(Math.tanh));
    const highest = rows[0].map((_, k) => rows.reduce((most, row) => Math.max(most, row[k]), -1));
    return { rows, asked, highest };
  }

  /** The scores of all spans, by start and tokens beyond it, and after them that of no answer. */
  scores(reading, output) {
    const { rows, asked, highest } = this.hidden(reading, output);
    const { "network.ends.weight": weight, "network.ends.bias": bias } = this.tensors;
    const { "network.none.weight": none, "network.none.bias": noneBias } = this.tensors;
    const ends = rows.map((row) => linear(weight, row, bias));
    const longest = this.settings.max_answer_span;
    const scores = ends.flatMap(([start], t) =>
      Array.from({ length: longest }, (_, beyond) => start + (ends[t + beyond]?.[1] ?? NEVER)),
    );
    return [...scores, linear(none, joined([asked, highest]), noneBias)[0]];
  }

  /** The most probable span, or none, with the next ones. number: its place among the scores. */
  answer(probabilities, { text, tokens }) {
    const none = probabilities.length - 1;
    const spans = probabilities.slice(0, none);
    const order = [...spans.keys()].sort((a, b) => spans[b] - spans[a] || a - b).slice(0, 4 * CANDIDATES);
    const letters = [...text];
    const candidates = new Map();
    for (const number of order) {
      const first = Math.floor(number / this.settings.max_answer_span);
      const last = first + (number % this.settings.max_answer_span);
      if (spans[number] <= 0 || tokens.ends[last] > letters.length) continue;
      const piece = letters.slice(tokens.starts[first], tokens.ends[last]).join("");
      if (!candidates.has(piece)) candidates.set(piece, { text: piece, probability: spans[number], number });
    }
    const [best, ...others] = [...candidates.values()].slice(0, CANDIDATES);
    const nothing = { text: "", probability: probabilities[none], number: none };
    const odds = Math.log(probabilities[none] / spans[order[0]]);
    const listed =
      odds > this.settings.no_answer_threshold
        ? [nothing, best, ...others]
        : [best, ...[nothing, ...others].sort((a, b) => b.probability - a.probability)];
    return { ...listed[0], candidates: listed.slice(0, CANDIDATES).map(({ number, ...rest }) => rest) };
  }

  /** As what an answer is a guess: "tied" with the next, or null. */
  guess({ probability, candidates }) {
    return candidates.length > 1 && candidates[1].probability > RUNNER_UP * probability ? "tied" : null;
  }

  /** The derivative of the answer's log odds by each of the outputs. */
  marginByOutput(reading) {
    const { output, number, probabilities, questionStart: count } = reading;
    const [units, longest] = [this.settings.hidden_size, this.settings.max_answer_span];
    const byScore = probabilities.map((p, k) => (k === number ? 1 : -p / (1 - probabilities[number])));
    const byEnds = Array.from({ length: count }, () => [0, 0]);
    for (let t = 0; t < count; ++t)
      for (let beyond = 0; beyond < longest && t + beyond < count; ++beyond) {
        byEnds[t][0] += byScore[t * longest + beyond];
        byEnds[t + beyond][1] += byScore[t * longest + beyond];
      }
    const { rows, asked, highest } = this.hidden(reading, output);
    const { "network.ends.weight": ends, "network.none.weight": none, "network.pointer.weight": pointer } = this.tensors;
    const by = output.map((state) => new Float64Array(state.length));
    const byAsked = none.data.slice(0, asked.length).map((weight) => weight * byScore.at(-1));
    rows.forEach((row, t) =>
      row.forEach((value, k) => {
        let d = byEnds[t][0] * ends.data[k] + byEnds[t][1] * ends.data[row.length + k];
        if (value === highest[k]) d += byScore.at(-1) * none.data[asked.length + k];
        d *= 1 - value * value;
        const weights = pointer.data.subarray(k * pointer.shape[1], (k + 1) * pointer.shape[1]);
        for (let j = 0; j < 2 * units; ++j) {
          by[t][j] += d * weights[j];
          byAsked[j] += d * weights[2 * units + j];
        }
      }),
    );
    add(by.at(-1).subarray(0, units), byAsked.subarray(0, units));
    add(by[count].subarray(units), byAsked.subarray(units));
    return by;
  }
}
