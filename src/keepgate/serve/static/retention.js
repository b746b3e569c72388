// How long a network's memory lasts, and why: where its gate that keeps stands, from the reading itself.

import { el, note } from "./dom.js";
import { fullName, gateName } from "./names.js";
import { count, percent, unit } from "./numbers.js";
import { model, state } from "./state.js";
import { t } from "./words.js";

/** For each network a line that says why it remembers or forgets, with its numbers; with notes, what chrono means. */
export function retentionReasons({ notes = true } = {}) {
  const lines = state.readings.filter((each) => !each.error).map(reason);
  if (state.readings.every(({ model: id }) => model(id)?.kind === "pointer-reader")) return null; // they look back
  const chrono = state.readings.some(({ model: id }) => model(id)?.note === "chrono"); // of these it was measured, too
  return el(
    "div",
    { class: "reasons" },
    el("h3", {}, t("lengthen.why")),
    el("ul", {}, lines.map((line) => el("li", {}, line))),
    notes && chrono ? [note(t("lengthen.few")), note(t("lengthen.chrono"))] : null,
  );
}

function reason(read) {
  const { keeps, gates = [] } = model(read.model) ?? {};
  const name = fullName(read.model);
  const open = keeps && read.strips.at(-1).gates[keeps];
  if (!open) return t(gates.length ? "lengthen.why.other" : "lengthen.why.none", { name });
  const { left_of_first: left, half_of_first: half } = read;
  const parts = { name, gate: gateName(read.model, keeps), open: unit(mean(open)), left: percent(left), half: count(half) };
  return t(half === null ? "lengthen.why.most" : "lengthen.why.half", parts);
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
