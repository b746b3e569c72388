// The questions of the page, answered by networks in the browser; each reply is of the same form as the server's.

import { Fault } from "../fault.js";
import { MAX_ERASERS, MAX_LISTED, MAX_TOKENS, MAX_UNITS, NEGLIGIBLE_DROP } from "./constants.js";
import { vanishingLag, verdict } from "./fading.js";
import { byLag, changedPlaces } from "./gradients.js";
import { counterfactual } from "./interventions.js";
import { retentionOf } from "./memory.js";
import { originOf } from "./origin.js";
import { softmax } from "./reader.js";
import { meanOrOne, part, readingReply, summary } from "./reading-reply.js";
import { expectedOf, longer, story, storyOfTokens } from "./stories.js";
import { sentenceStarts, tokenize } from "./text.js";

const CACHED = 12; // readings that are kept to be asked again

/** Answers questions by name, with the readers of some networks by their ids. */
export class Replies {
  constructor(readers) {
    this.readers = readers;
    this.readings = new Map();
    this.stories = new Map(); // of the gradient, by language and length
  }

  ask = (name, body, breathe) => this[HANDLERS[name]](body, breathe);

  reader(id) {
    if (!this.readers.has(id)) throw new Fault("unknown_model", `there is no network ${id}`, { model: id });
    return this.readers.get(id);
  }

  /** One network's reading of a text and question, kept to be asked again. */
  reading({ model, text, question }) {
    check(text, question);
    const key = JSON.stringify([model, text, question]);
    const reading = this.readings.get(key) ?? this.reader(model).read(text, question);
    this.readings.delete(key);
    this.readings.set(key, reading);
    if (this.readings.size > CACHED) this.readings.delete(this.readings.keys().next().value);
    return reading;
  }

  story = ({ language, length, seed }) => {
    const { text, question, answer } = story(language, length, seed);
    // A Chinese keyboard types this question mark.
    return { text, question: language === "zh" ? question.replace("?", "？") : question, answer };
  };

  read = async ({ models, text, question }, breathe) => {
    const readings = [];
    for (const model of models) {
      const reading = this.reading({ model, text, question });
      reading.reply ??= readingReply(reading);
      readings.push({ model, ...reading.reply, error: null });
      await breathe();
    }
    return { readings, expected: expectedOf(text, question) };
  };

  values = ({ layer, reverse, unit, ...asked }) => {
    const reading = this.reading(asked);
    const [place, steps] = part(reading, layer, reverse);
    const { cell, units } = place;
    const over = (name, k) => steps.map((step) => meanOrOne(step[name], k * units, units, unit));
    return {
      values: {
        ...Object.fromEntries(cell.states.map((state, k) => [state, over("next", k)])),
        ...Object.fromEntries(cell.traced.map((traced, k) => [traced, over("traced", k)])),
      },
      before: Object.fromEntries(cell.states.map((state, k) => [state, over("prev", k)])),
      units,
    };
  };

  token = ({ token, layer, reverse, unit, ...asked }) => {
    const [place, steps] = part(this.reading(asked), layer, reverse);
    const { size, left, erased, atEnd, written } = retentionOf(place, steps, token, unit ?? null);
    const erasers = [...erased.keys()].sort((a, b) => erased[b] - erased[a] || a - b).slice(0, MAX_ERASERS);
    return {
      size,
      left: [...left],
      erased: [...erased],
      at_end: atEnd,
      erasers: erasers.map((t) => ({ token: t, share: erased[t] })).filter(({ share }) => share > 0),
      written: written.sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, MAX_UNITS),
    };
  };

  answer = async (asked, breathe) => {
    const reading = this.reading(asked);
    const { kind, sentence, proof, others, sentences, tokens } = await worked(reading, breathe);
    const one = ({ token, drop, without }) => ({ token, share: drop, without: summary(reading, without) });
    return {
      origin: {
        kind,
        from: sentence && sentence.start,
        to: sentence && sentence.end,
        deciding: proof ? others + 1 : 0,
        proof: proof && one(proof),
      },
      tokens: tokens.map(one),
      listed: tokens.slice(0, MAX_LISTED).filter(({ drop }) => drop >= NEGLIGIBLE_DROP).length,
      sentences: sentences.map((effect) => ({ from: effect.start, to: effect.end, ...one(effect) })),
      tried: tokens.length,
    };
  };

  whatIf = ({ remove, drop, keep, ...asked }) => {
    const reading = this.reading(asked);
    const { reader } = reading;
    const scores = reader.scores(reading, counterfactual(reading, { remove, drop, keep }));
    const answer = reader.answer(softmax(scores), reading);
    return {
      answer: { ...summary(reading, answer), candidates: answer.candidates },
      before: summary(reading, reading.answer),
    };
  };

  lengthen = async ({ models, text, question, language, steps, to }, breathe) => {
    check(text, question);
    const stories = longer(text, language, steps, to);
    const expected = expectedOf(text, question);
    const answers = {};
    for (const model of models) {
      const reader = this.reader(model);
      answers[model] = [];
      for (const answer of answersOf(reader, stories, question)) {
        const right = expected === null ? null : answer.text === expected;
        answers[model].push({ ...summary({ reader }, answer), right });
        await breathe();
      }
    }
    return { lengths: stories.map((each) => [...each].length), stories, expected, answers };
  };

  /** A story of so many tokens, told once: a slider asks for its gradient again and again. */
  longStory(language, lags) {
    const key = `${language} ${lags}`;
    if (!this.stories.has(key)) this.stories.set(key, storyOfTokens(language, lags, (told) => tokenize(told).texts.length));
    return this.stories.get(key);
  }

  gradient = async ({ models, forget_bias: bias, recurrent_scale: scale, lags }, breathe) => {
    const lines = [];
    let opening = null;
    for (const model of models) {
      const reader = this.reader(model);
      const { text, question } = this.longStory(reader.model.language, lags);
      opening ??= text.slice(0, sentenceEndOf(text)).trim();
      const values = byLag(changedReading(reader, text, question, { bias, scale }), lags);
      const finite = values.map((value) => (Number.isFinite(value) ? value : null));
      lines.push({ model, values: finite, gone: vanishingLag(values), verdict: verdict(values) });
      await breathe();
    }
    return { lags: Array.from({ length: lags + 1 }, (_, lag) => lag), lines, story: opening };
  };
}

/** Where an answer comes from, worked out once a reading; what another question began and was let go of is begun anew. */
async function worked(reading, breathe) {
  for (;;) {
    const begins = !reading.origin;
    reading.origin ??= originOf(reading, breathe);
    try {
      return await reading.origin;
    } catch (error) {
      reading.origin = null;
      if (begins) throw error;
    }
  }
}

const HANDLERS = Object.fromEntries(
  ["story", "read", "values", "token", "answer", "lengthen", "gradient"].map((name) => [name, name]),
);
HANDLERS["what-if"] = "whatIf";

function check(text, question) {
  const counts = { text: tokenize(text).texts.length, question: tokenize(question).texts.length };
  for (const [what, count] of Object.entries(counts))
    if (!count) throw new Fault("empty", `the ${what} is empty`, { what });
  const tokens = counts.text + counts.question;
  if (tokens > MAX_TOKENS)
    throw new Fault("too_long", `text and question have ${tokens} tokens`, { tokens, limit: MAX_TOKENS });
}

/** The answers after each of some stories, of which each goes on where the one before ends. */
function* answersOf(reader, stories, question) {
  const oneWay = reader.directions === 1 && reader.places.length === 1 && reader.settings.pooling === "last";
  if (!oneWay) {
    for (const text of stories) yield reader.read(text, question).answer;
    return;
  }
  const [place] = reader.places;
  const numbers = (text) => reader.vocabulary.ids(tokenize(reader.vocabulary.normalised(text)).texts);
  const [asked] = reader.sums(numbers(question));
  let [states, done] = [place.initial(), []];
  for (const text of stories) {
    const ids = numbers(text);
    const goesOn = done.every((id, t) => id === ids[t]);
    const [sums] = reader.sums(goesOn ? ids.slice(done.length) : ids);
    states = place.last(sums, goesOn ? states : place.initial());
    done = ids;
    yield reader.answer(softmax(reader.scores({}, [place.last(asked, states).subarray(0, place.units)])));
  }
}

/** A reading by a copy of a network with another bias of the gate that keeps, and recurrent weights scaled. */
function changedReading(reader, text, question, change) {
  const copy = Object.assign(Object.create(Object.getPrototypeOf(reader)), reader);
  copy.places = changedPlaces(reader.places, change);
  if (change.bias !== 0) copy.firstSums = reader.firstSums.map(() => new Map()); // nothing else changes these sums
  return copy.read(text, question);
}

const sentenceEndOf = (text) => {
  const [, second] = sentenceStarts(text);
  const letters = [...text];
  return second === undefined ? text.length : letters.slice(0, second).join("").length;
};
