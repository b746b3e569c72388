// The origin of an answer: the network run again without each sentence and each token.

import { ABLATION_BUDGET, MAX_ABLATIONS, MIN_ABLATIONS } from "./constants.js";
import { MAX_SENTENCE_TOKENS, MOST_INFLUENTIAL, NUM_STRETCHES, STRETCHES_FOLLOWED } from "./constants.js";
import { NEGLIGIBLE_DROP, SEVERAL } from "./constants.js";
import { influences } from "./gradients.js";
import { withoutSpan } from "./interventions.js";
import { softmax } from "./reader.js";
import { sentenceStarts } from "./text.js";

/** Token spans [start, end) of the sentences of the text, and of the question where it was read with the text. */
export function sentenceSpans(reading) {
  const { tokens, text, question } = reading;
  const length = [...text].length;
  const starts = sentenceStarts(text);
  if (reading.questionStart < tokens.texts.length)
    starts.push(...sentenceStarts(question).map((start) => length + start));
  const firsts = starts.map((start) => {
    const at = tokens.starts.findIndex((each) => each >= start);
    return at < 0 ? tokens.starts.length : at;
  });
  return firsts
    .map((first, k) => [first, firsts[k + 1] ?? tokens.texts.length])
    .filter(([start, end]) => start < end);
}

/**
 * The effect of leaving out the tokens [start, end): the answer without them, and how much of its probability is lost.
 * token: its number, where it is asked about one; null for a sentence.
 */
function effect(reading, [start, end], token = null) {
  const { reader, probabilities, number } = reading;
  const now = softmax(reader.scores(reading, withoutSpan(reading, start, end)));
  const drop = 1 - now[number] / probabilities[number];
  return { start, end, token, drop, without: reader.answer(now, reading) };
}

const largestFirst = (effects) => [...effects].sort((a, b) => b.drop - a.drop);

/** Effects of spans, with a pause after each few milliseconds, so that other questions are answered between. */
async function spanEffects(reading, spans, breathe) {
  const all = [];
  for (const span of spans) {
    all.push(effect(reading, span));
    await breathe();
  }
  return all;
}

async function tokenEffects(reading, tokens, breathe) {
  const all = [];
  for (const token of tokens) {
    all.push(effect(reading, [token, token + 1], token));
    await breathe();
  }
  return all;
}

function topOf(sizes, count, start, end) {
  const places = Array.from({ length: end - start }, (_, k) => start + k);
  return places.sort((a, b) => sizes[b] - sizes[a] || a - b).slice(0, count);
}

function stretches(sentences, tokens) {
  const shortest = tokens / NUM_STRETCHES;
  const spans = [];
  let [[start]] = sentences;
  for (const [, end] of sentences)
    if (end - start >= shortest || end === tokens) {
      spans.push([start, end]);
      start = end;
    }
  return spans;
}

/** Effects of leaving out sentences, and tokens; of a long text, those to which a search leads. */
async function search(reading, breathe) {
  const sentences = sentenceSpans(reading);
  const tokens = reading.tokens.texts.length;
  const weights = reading.reader.layerParameters;
  const most = Math.min(MAX_ABLATIONS, Math.max(MIN_ABLATIONS, Math.floor(ABLATION_BUDGET / (weights * tokens))));
  if (tokens <= most) {
    const all = Array.from({ length: tokens }, (_, t) => t);
    const bySentence = largestFirst(await spanEffects(reading, sentences, breathe));
    return [bySentence, largestFirst(await tokenEffects(reading, all, breathe))];
  }
  const followed = largestFirst(await spanEffects(reading, stretches(sentences, tokens), breathe)).slice(0, STRETCHES_FOLLOWED);
  const inside = sentences.filter(([start, end]) => followed.some((each) => each.start <= start && end <= each.end));
  const bySentence = largestFirst(await spanEffects(reading, inside, breathe));
  const sizes = influences(reading);
  const steps = new Set(topOf(sizes, MOST_INFLUENTIAL, 0, tokens));
  let budget = MAX_SENTENCE_TOKENS;
  for (const { start, end } of bySentence) {
    if (end - start > budget) {
      topOf(sizes, budget, start, end).forEach((t) => steps.add(t));
      break;
    }
    for (let t = start; t < end; ++t) steps.add(t);
    budget -= end - start;
  }
  return [bySentence, largestFirst(await tokenEffects(reading, [...steps].sort((a, b) => a - b), breathe))];
}

/** Where the answer of a reading comes from, with every effect that shows it. */
export async function originOf(reading, breathe) {
  const [sentences, tokens] = await search(reading, breathe);
  return { ...decided(reading, sentences, tokens), sentences, tokens };
}

function decided(reading, sentences, tokens) {
  const { reader, answer, questionStart } = reading;
  const none = { kind: "guess", sentence: null, proof: null, others: 0 };
  if (reader.guess(answer)) return none;
  const decides = ({ without, drop }) => without.text !== answer.text && drop >= NEGLIGIBLE_DROP;
  const byToken = new Map(
    sentences.map((span) => [
      span,
      tokens.find((token) => span.start <= token.start && token.start < span.end && decides(token)) ?? null,
    ]),
  );
  const proofs = sentences
    .map((span) => [span, decides(span) ? span : byToken.get(span)])
    .filter(([, proof]) => proof);
  if (!proofs.length) {
    const most = Math.max(0, ...[...sentences, ...tokens].map(({ drop }) => drop));
    return { ...none, kind: most < NEGLIGIBLE_DROP ? "nothing" : "spread" };
  }
  const inText = proofs
    .filter(([span]) => span.start < questionStart)
    .sort(([, a], [, b]) => b.drop - a.drop)
    .map(([span]) => span);
  const withToken = inText.filter((span) => byToken.get(span));
  const sentence = withToken.length === 1 ? withToken[0] : (inText[0] ?? proofs[0][0]);
  const spread = inText.length >= SEVERAL && withToken.length !== 1;
  return {
    kind: spread ? "spread" : inText.length ? "sentence" : "question",
    sentence,
    proof: byToken.get(sentence) ?? proofs.find(([span]) => span === sentence)[1],
    others: Math.max(0, inText.length - 1),
  };
}
