// A cell's equations, by phase, and with numbers in place of names.

import { el } from "./dom.js";
import { exact } from "./numbers.js";

const ORDER = ["forget", "select", "output", null];
const NAME = /([A-Za-z]+)(ₜ₋₁|ₜ)?/gu;

/** The phases that a cell has, in order, each with the text of its equations. */
export function phasesOf(equations) {
  return ORDER.map((name) => ({
    name,
    lines: equations.filter(({ phase }) => (phase ?? null) === name).map(({ text }) => text),
  })).filter(({ lines }) => lines.length);
}

const TEXTBOOK = { g: "z", i: "zⁱ", f: "zᶠ", o: "zᵒ" };

/** An LSTM's equation in the letters of textbooks, in which all four begin with z. */
export const inTextbook = (text) => text.replace(/(?<![\w_])[gifo](?!\w)/g, (letter) => TEXTBOOK[letter]);

/** An equation with its indices set low. */
export function written(text) {
  return text.split(/(_\w)/u).map((part) => (part.startsWith("_") ? el("sub", {}, part.slice(1)) : part));
}

/**
 * An equation with its numbers. A line of weights, or of means, says only what comes out; any other is written out.
 *
 * here: `now(name)` and `before(name)`, a value at this step and before it, or undefined. whole: whether the values are
 * one unit's, of which the equation holds; of means it does not.
 */
export function withNumbers(text, here, whole) {
  const [left, right] = text.split(" = ");
  const result = here.now(left.replace("ₜ", ""));
  if (result === undefined || result === null) return "–";
  const short = `${left} = ${exact(result)}`;
  if (!whole || /[WU]_/.test(right)) return short;
  let complete = true;
  const filled = right.replaceAll("⊙", "×").replace(NAME, (match, name, when, at, all) => {
    if (["tanh", "relu", "sigmoid"].includes(name)) return match;
    const value = when === "ₜ₋₁" ? here.before(name) : here.now(name);
    if (value === undefined || value === null) complete = false;
    else {
      const number = exact(value);
      const enclosed = all[at - 1] === "(" && all[at + match.length] === ")";
      return number.startsWith("−") && !enclosed ? `(${number})` : number;
    }
    return match;
  });
  return complete ? `${left} = ${filled} ≈ ${exact(result)}` : short;
}
