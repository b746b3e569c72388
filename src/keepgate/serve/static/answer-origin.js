// The origin of an answer, as the server proved it by taking sentences and words out.

import { reading, state } from "./state.js";

/** The origin of the answer that is explained, with the words of its sentence; null while there is none to show. */
export function answerOrigin() {
  const origin = state.explained === "answer" ? state.origin?.origin : null;
  if (!origin) return null;
  const { starts, ends } = reading();
  const words =
    origin.kind === "sentence" ? [...state.text].slice(starts[origin.from], ends[origin.to - 1]).join("") : "";
  return { ...origin, words };
}

/** The words that are listed under an answer and ranked on the strip, those that matter most first. */
export const listedTokens = () => state.origin.tokens.slice(0, state.origin.listed);
