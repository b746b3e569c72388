// Where an answer came from, as far as leaving things out can show it: one sentence, the question, several, or nothing.

import { reading, state } from "./state.js";

export const TELLING = 0.02; // a share below which a write carries nothing worth naming
export const ROWS = 5; // words that are listed, and ranked on the strip
const UNSURE = 0.6; // a probability below which a network itself does not know
const SEVERAL = 3; // so many sentences, each of which decides the answer: then it came from none of them

/**
 * What leaving out showed of the answer that is explained; null while it is not explained.
 *
 * kind: "guess", "unsure", "nothing" (no word and no sentence changes anything), "spread", "question", or "sentence":
 * then one sentence changes the answer, `by` being the proof, and `others` do so too. In an LSTM what is left out writes
 * nothing but still erases, so that a whole sentence may matter only for what it no longer replaces: where the words that
 * change the answer, each by itself, all stand in one sentence, it is that one.
 */
export function sourceOf() {
  if (state.open !== "answer" || !state.carriers?.carriers.length) return null;
  const { answer } = reading();
  if (answer.guess) return { kind: "guess" };
  const weighed = state.carriers.sentences.map(weigh);
  const deciding = weighed.filter(({ by }) => by).sort((a, b) => b.by.share - a.by.share);
  const told = deciding.filter(({ asked }) => !asked);
  if (answer.probability < UNSURE) return { kind: "unsure" };
  const byWord = told.filter(({ word }) => word);
  const one = byWord.length === 1 ? byWord[0] : told[0];
  if (told.length >= SEVERAL && byWord.length !== 1) return { kind: "spread", count: told.length };
  if (one) return { kind: "sentence", others: told.length - 1, ...one };
  if (deciding.length) return { kind: "question" };
  const most = Math.max(...[...state.carriers.sentences, ...state.carriers.carriers].map(({ share }) => share));
  return { kind: most < TELLING ? "nothing" : "spread", count: 0 };
}

/** A sentence with its words; `by` is what of it decides the answer, all of it or else a `word`, null if neither does. */
function weigh(sentence) {
  const { answer, asked_from: askedFrom } = reading();
  const inside = state.carriers.carriers.filter(({ token }) => token >= sentence.from && token < sentence.to);
  const decides = ({ without, share }) => without.text !== answer.text && share >= TELLING;
  const word = inside.find(decides) ?? null;
  const by = decides(sentence) ? { ...sentence, whole: true } : word;
  const asked = sentence.from >= askedFrom;
  return { first: sentence.from, end: sentence.to, words: asked ? "" : wordsOf(sentence), asked, word, by };
}

function wordsOf({ from, to }) {
  const { starts, ends } = reading();
  return [...state.text].slice(starts[from], ends[to - 1]).join("");
}

/** The words that are listed under an answer, those that matter most first. */
export const rowsOf = () =>
  state.carriers.carriers.filter(({ share }) => share >= TELLING).slice(0, ROWS);
