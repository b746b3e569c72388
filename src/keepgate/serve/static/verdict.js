// Right, wrong, or no more than a guess: what can be said of an answer.

import { state } from "./state.js";
import { t } from "./words.js";

const SIGNS = { right: "✓", wrong: "✗", guess: "○", outside: "?" };

/**
 * "guess" where all candidates are about as likely, right or not; else "right" or "wrong". Where nobody knows, "outside" if
 * there were words that the network never learnt, so that it cannot know; else null. unknown: those words, if any.
 */
export function verdictOf({ text, guess }, unknown = []) {
  if (guess) return "guess";
  if (state.expected === null) return unknown.length ? "outside" : null;
  return text === state.expected ? "right" : "wrong";
}

/** The sign of a verdict; what answers a question whose answer nobody knows has none. */
export const signOf = (verdict) => SIGNS[verdict] ?? "";

export const wordOf = (verdict) => (verdict ? t(`answers.${verdict}`) : "");
