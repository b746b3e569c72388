// How long a network's memory lasts, and why: where its gate that keeps stands, from the reading itself.

import { el, note } from "./dom.js";
import { fullName, gateName } from "./names.js";
import { count, percent, unit } from "./numbers.js";
import { model } from "./state.js";
import { quoted, t } from "./words.js";

/** For each reading of a story a line that says why its network remembers or forgets, with its numbers; and what chrono means. */
export function retentionReasons({ readings, text }) {
  const lines = readings.filter((each) => !each.error).map(reason);
  if (readings.every(({ model: id }) => model(id)?.kind === "pointer-reader")) return null; // they look back
  const chrono = readings.some(({ model: id }) => model(id)?.note === "chrono"); // of these it was measured, too
  return el(
    "div",
    { class: "reasons" },
    el("h3", {}, t("lengthen.why", { n: count([...text].length) })),
    el("ul", {}, lines.map((line) => el("li", {}, line))),
    chrono ? [note(t("lengthen.few")), note(t("lengthen.chrono"))] : null,
  );
}

function reason(read) {
  const { keeps, keeps_closed: closed, gates = [], shipped } = model(read.model) ?? {};
  const name = fullName(read.model);
  const gate = keeps ?? closed;
  const open = gate && read.strips.at(-1).gates[gate];
  if (!open || !read.lasting) return t(gates.length ? "lengthen.why.other" : shipped ? "lengthen.why.taught" : "lengthen.why.none", { name });
  const { left, half } = read.lasting;
  const all = keeps ? 1 : 0; // where the gate stands that keeps all
  const parts = { name, gate: gateName(read.model, gate), open: unit(mean(open)), all, left: percent(left), half: count(half), word: followedWord(read) };
  return t(half === null ? "lengthen.why.most" : "lengthen.why.half", parts);
}

/** The word of which it is said how long it lasts. */
export const followedWord = ({ tokens, lasting: { token } }) =>
  token ? t("lasting.most", { token: quoted(tokens[token]) }) : t("lasting.first");

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
