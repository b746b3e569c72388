// Right, wrong, or no more than a guess: what can be said of an answer.

import { state } from "./state.js";
import { t } from "./words.js";

const SIGNS = { right: "✓", wrong: "✗", guess: "○", outside: "?" };

/**
 * "guess" where all candidates are about as likely, right or not; else "right" or "wrong". Where nobody knows, "outside" if
 * the reading is foreign; else null. read: the reading.
 */
export function verdictOf({ text, guess }, read = null) {
  if (guess && text) return "guess";
  if (state.expected === null) return read && isForeign(read) ? "outside" : null;
  return text === state.expected ? "right" : "wrong";
}

const MUCH = 0.2; // of the tokens; a word or two that it never learnt a network may well do without

/** Whether the network says that the text has no answer, or the question or a good part of the text is of words it never learnt. */
export const isForeign = ({ answer, unknown, tokens, question_start: asked }) =>
  answer.text === "" ||
  unknown.some((token) => token >= asked) || unknown.length > MUCH * tokens.length;

/** The sign of a verdict; what answers a question whose answer nobody knows has none. */
export const signOf = (verdict) => SIGNS[verdict] ?? "";

export const wordOf = (verdict) => (verdict ? t(`answers.${verdict}`) : "");
