// A reader: a text and a question in, one of its choices out; by the last state, or by attention over all states.

import { cells } from "./cells.js";
import { CANDIDATES, RUNNER_UP, TIMES_CHANCE } from "./constants.js";
import { Place, joined, runStack } from "./layer.js";
import { linear } from "./matrix.js";
import { Vocabulary, tokenize } from "./text.js";
import { widened } from "./weights.js";

export class Reader {
  constructor({ model, settings, tokens, choices, weights }) {
    this.model = model;
    this.settings = settings;
    this.choices = choices;
    this.vocabulary = new Vocabulary(tokens);
    this.tensors = widened(weights);
    this.directions = settings.bidirectional ? 2 : 1;
    this.places = placesOf(this.tensors, settings, model.cell);
    this.layerParameters = Object.entries(this.tensors)
      .filter(([name]) => name.startsWith("encoder.layer."))
      .reduce((sum, [, { data }]) => sum + data.length, 0);
    this.stateSize = this.directions * settings.hidden_size;
    this.firstSums = this.places.slice(0, this.directions).map(() => new Map());
  }

  /** The sums of the inputs of the first layer, one list a direction; each token's are computed once. */
  sums(ids) {
    const { data, shape } = this.tensors["encoder.inputs.weight"];
    return this.firstSums.map((cache, d) =>
      ids.map((id) => {
        if (!cache.has(id)) cache.set(id, this.places[d].wx(data.subarray(id * shape[1], (id + 1) * shape[1])));
        return cache.get(id);
      }),
    );
  }

  /** Reads a text and a question: its tokens, the run of the network over them, and the answer. */
  read(text, question) {
    const [textTokens, questionTokens] = [tokenize(text), tokenize(question)];
    const ids = [text, question].map((part) =>
      this.vocabulary.ids(tokenize(this.vocabulary.normalised(part)).texts),
    );
    const apart = this.settings.pooling === "attention";
    const length = [...text].length;
    const tokens = apart
      ? textTokens
      : {
          texts: [...textTokens.texts, ...questionTokens.texts],
          starts: [...textTokens.starts, ...questionTokens.starts.map((start) => start + length)],
          ends: [...textTokens.ends, ...questionTokens.ends.map((end) => end + length)],
        };
    const read = apart ? ids[0] : ids.flat();
    const sums = this.sums(read);
    const reading = { reader: this, text, question, tokens, sums, ...runStack(this.places, sums) };
    reading.query = apart ? this.queryOf(ids[1]) : null;
    reading.questionStart = textTokens.texts.length;
    reading.probabilities = softmax(this.scores(reading, reading.output));
    reading.answer = this.answer(reading.probabilities);
    reading.number = reading.probabilities.indexOf(Math.max(...reading.probabilities));
    return reading;
  }

  queryOf(ids) {
    return this.lastOf(runStack(this.places, this.sums(ids)).output);
  }

  /** The last state of each direction: at the last step forwards, at the first step backwards. */
  lastOf(output) {
    const units = this.settings.hidden_size;
    if (this.directions === 1) return output.at(-1);
    return joined([output.at(-1).subarray(0, units), output[0].subarray(units)]);
  }

  /** The logit of each choice from the last layer's outputs. */
  scores(reading, output) {
    const { "readout.weight": weight, "readout.bias": bias } = this.tensors;
    const last = this.lastOf(output);
    const pooled = reading.query ? joined([this.attended(reading.query, output).read, reading.query, last]) : last;
    return linear(weight, pooled, bias);
  }

  /** What a question's state reads of the outputs, and with which weights. */
  attended(query, output) {
    const projection = this.tensors["attention.query_proj.weight"];
    const [rows] = projection.shape;
    const projected = linear(projection, query, null);
    const scale = 1 / Math.sqrt(rows);
    const weights = softmax(output.map((state) => dot(projected, state) * scale));
    const read = new Float64Array(rows);
    output.forEach((state, t) => state.forEach((value, k) => (read[k] += weights[t] * value)));
    return { read, weights, projected, scale };
  }

  /** The most probable choice, and the next ones. */
  answer(probabilities) {
    const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a] || a - b);
    const candidates = order
      .slice(0, CANDIDATES)
      .map((k) => ({ text: this.choices[k], probability: probabilities[k] }));
    return { text: candidates[0].text, probability: candidates[0].probability, candidates };
  }

  /** As what an answer is a guess: "tied" with the next, no likelier than "chance", or null. */
  guess({ probability, candidates }) {
    if (candidates.length > 1 && candidates[1].probability > RUNNER_UP * probability) return "tied";
    const chance = 1 / (this.choices.length - 1);
    return this.choices.length > 1 && probability < TIMES_CHANCE * chance * (1 - probability) ? "chance" : null;
  }

  /** The derivative of the answer's margin, its logit less the mean of all, by each of the outputs. */
  marginByOutput(reading) {
    const { output, query, number } = reading;
    const { data, shape } = this.tensors["readout.weight"];
    const [rows, columns] = shape;
    const d = new Float64Array(columns);
    for (let row = 0; row < rows; ++row)
      for (let k = 0; k < columns; ++k) d[k] += data[row * columns + k] * ((row === number) - 1 / rows);
    const by = output.map((state) => new Float64Array(state.length));
    const size = this.stateSize;
    const last = d.subarray(query ? 2 * size : 0);
    const units = this.settings.hidden_size;
    add(by.at(-1).subarray(0, units), last.subarray(0, units));
    if (this.directions > 1) add(by[0].subarray(units), last.subarray(units, size));
    if (query) {
      const { read, weights, projected, scale } = this.attended(query, output);
      const dRead = d.subarray(0, size);
      const mean = dot(dRead, read);
      output.forEach((state, t) => {
        const dScore = weights[t] * (dot(dRead, state) - mean) * scale;
        for (let k = 0; k < size; ++k) by[t][k] += weights[t] * dRead[k] + dScore * projected[k];
      });
    }
    return by;
  }
}

/** The layers and directions of a network whose tensors have this prefix. */
export function placesOf(tensors, { num_layers: layers, bidirectional, hidden_size: units }, name, prefix = "encoder.layer") {
  const cell = cells[name];
  const places = [];
  for (let layer = 0; layer < layers; ++layer)
    for (const reverse of bidirectional ? [false, true] : [false]) {
      const of = (what) => tensors[`${prefix}.${what}_l${layer}${reverse ? "_reverse" : ""}`];
      const none = new Float64Array(cell.gates.length * units);
      const vectors = joinedOrEmpty(cell.vectors.map((vector) => of(vector).data));
      places.push(
        new Place({
          cell: name,
          layer,
          reverse,
          units,
          inputs: of("weight_ih").shape[1],
          weights: {
            ih: of("weight_ih").data,
            hh: of("weight_hh")?.data,
            biasIh: of("bias_ih")?.data ?? none,
            biasHh: of("bias_hh")?.data ?? none,
            vectors,
          },
        }),
      );
    }
  return places;
}

const joinedOrEmpty = (parts) => (parts.length ? joined(parts) : new Float64Array(0));

export function softmax(scores) {
  const most = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

export function dot(a, b) {
  let sum = 0;
  for (let k = 0; k < a.length; ++k) sum += a[k] * b[k];
  return sum;
}

export function add(into, what) {
  for (let k = 0; k < into.length; ++k) into[k] += what[k];
}
