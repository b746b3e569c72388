// One phase of a step: its equations, and what they come to.

import { el, note } from "./dom.js";
import { written } from "./equations.js";
import { t } from "./words.js";

/** A phase's equations, each in letters and filled in; lit while it happens. */
export function phaseBox({ name, lines }, { lit, lettered, filled }) {
  const [kind, current] = [name ?? "only", lit ? "step" : null];
  const sums = lines.map((text) => [
    el("dt", {}, written(lettered(text))),
    el("dd", { class: /[WU]_/.test(text) ? "" : "sum" }, filled(text)),
  ]);
  const parts = [el("h3", {}, t(`phase.${kind}`)), note(t(`phase.${kind}.what`)), el("dl", {}, sums)];
  return el("li", { class: `phase ${kind}${lit ? " lit" : ""}`, "aria-current": current }, parts);
}
