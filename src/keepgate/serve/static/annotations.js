// What is marked on the strip: the lanes under the tokens, and the tokens that the explanation names.

import { answerOrigin, listedTokens } from "./answer-origin.js";
import { inTextbook } from "./equations.js";
import { followed } from "./followed.js";
import { CHANGES, isLast, model, reading, state, strip } from "./state.js";
import { t } from "./words.js";

/** The lanes and marks of a scene, from what is known now. */
export function annotations() {
  const read = reading();
  const origin = answerOrigin();
  return {
    lanes: [...gateLanes(), lastLane()],
    selected: typeof state.explained === "object" && state.explained ? state.explained.token : null,
    source: origin?.kind === "sentence" ? [origin.from, origin.to] : null,
    ranks: ranks(),
    ...Object.fromEntries(CHANGES.map((kind) => [kind, new Set(state[kind])])),
    unknown: new Set(read.unknown),
    askedFrom: read.question_start,
    askedMark: t("strip.asked"),
  };
}

/** The gates; where erasing is forbidden the one that keeps is open, as the change has it. */
export const gateLanes = () =>
  Object.entries(strip().gates).map(([name, values]) => ({ name, label: letterOf(name), colour: name, values: held(name, values), kind: "gate" }));

const held = (name, values) =>
  name === model(state.chosen).keeps && isLast() ? values.map((value, k) => (state.keep.includes(k) ? 1 : value)) : values;

/** A gate's letter, as a textbook writes it where that is wanted. */
export const letterOf = (name) => (state.textbook && model(state.chosen)?.cell === "lstm" ? inTextbook(name) : name);

/** The lane below the gates: what is left of a write, what carries the answer, or how far the memory moved. */
export function lastLane() {
  const lane = (kind, values, colour = "accent") => ({ name: t(`lane.${kind}.short`), kind, colour, values });
  if (state.retention && state.explained?.token !== undefined) return lane("left", followed().left);
  if (state.explained && state.origin) return lane("carries", sharesOf());
  const moves = strip().moves;
  const { memory } = model(state.chosen);
  // From an empty memory the first move is as far as can be.
  const far = relative(moves[memory] ?? []).map((value) => value ?? 1);
  return { ...lane("moves", far, "other"), name: `Δ${memory}` };
}

/** For each token the share of the answer's probability that is lost without it; below 0 is nothing. */
function sharesOf() {
  const values = reading().tokens.map(() => 0);
  for (const { token, share } of state.origin.tokens) values[token] = Math.max(0, share);
  return values;
}

/** Values as shares of the largest. */
function relative(values) {
  const most = Math.max(...values.map((value) => value ?? 0), 1e-30);
  return values.map((value) => (value === null ? null : value / most));
}

/** The tokens that the explanation lists for a change: erasers are kept from erasing, tokens that carry are taken out. */
export function listedFor(kind) {
  if (kind === "keep") return state.retention && state.explained?.token !== undefined ? tokensOf(followed().erasers) : [];
  return state.explained === "answer" && state.origin ? tokensOf(listedTokens()) : [];
}

const tokensOf = (rows) => rows.map(({ token }) => token);

/** The tokens that the explanation counts, with their ranks: who erased a write, or who carries the answer. */
export function ranks() {
  if (state.retention && state.explained?.token !== undefined) return ranked(followed().erasers);
  if (state.explained === "answer" && state.origin) return ranked(listedTokens());
  return new Map();
}

const ranked = (tokens) => new Map(tokens.map(({ token }, k) => [token, k + 1]));
