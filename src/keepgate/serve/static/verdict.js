// Right, wrong, or no more than a guess: what can be said of an answer.

import { model, state } from "./state.js";
import { t } from "./words.js";

const SIGNS = { right: "✓", wrong: "✗", guess: "○", outside: "?" };

/**
 * "guess" where all candidates are about as likely, right or not; else "right" or "wrong". Where nobody knows, "outside" if
 * the network cannot know; else null. read: the reading.
 */
export function verdictOf({ text, guess }, read = null) {
  if (guess && text) return "guess";
  if (state.expected === null) return read && whyOutside(text, read) ? "outside" : null;
  return text === state.expected ? "right" : "wrong";
}

const MUCH = 0.2; // of the tokens; a word or two that it never learnt a network may well do without

/**
 * Why a network cannot know its answer: "words", since it never learnt the question's or many of the text's; "text", since
 * the answer, a name in the networks that came along, stands nowhere in the story; "none", since it finds no answer in the text; null
 * where it may know.
 */
export function whyOutside(answer, read, text = state.text, shipped = model(read.model)?.shipped) {
  if (answer === "") return "none";
  const { unknown, tokens, question_start: asked } = read;
  if (unknown.some((token) => token >= asked) || unknown.length > MUCH * tokens.length) return "words";
  return shipped && !text.includes(answer) ? "text" : null;
}

/** The sign of a verdict; what answers a question whose answer nobody knows has none. */
export const signOf = (verdict) => SIGNS[verdict] ?? "";

export const wordOf = (verdict) => (verdict ? t(`answers.${verdict}`) : "");
