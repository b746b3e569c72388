// Right, wrong, or no more than a guess: what can be said of an answer.

import { state } from "./state.js";
import { t } from "./words.js";

const SIGNS = { right: "✓", wrong: "✗", guess: "○" };

/** "guess" where all candidates are about as likely, right or not; else "right" or "wrong"; null where nobody knows. */
export function verdictOf({ text, guess }) {
  if (guess) return "guess";
  if (state.expected === null) return null;
  return text === state.expected ? "right" : "wrong";
}

/** The sign of a verdict; what answers a question whose answer nobody knows has none. */
export const signOf = (verdict) => SIGNS[verdict] ?? "";

export const wordOf = (verdict) => (verdict ? t(`answers.${verdict}`) : "");
