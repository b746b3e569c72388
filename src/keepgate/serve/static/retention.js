// How long a network's memory lasts, and why: where its gate that keeps stands, from the reading itself.

import { el, note } from "./dom.js";
import { fullName, gateName } from "./names.js";
import { count, percent, unit } from "./numbers.js";
import { model, state } from "./state.js";
import { t } from "./words.js";

/** A number of tokens as a person says it; null is without end. */
export function formatSteps(value) {
  if (value === null || value >= 9999.5) return t("lasting.endless");
  return value < 10 ? value.toFixed(1) : count(value);
}

/** For each network a line that says why it remembers or forgets, with its numbers, and what chrono means. */
export function retentionReasons() {
  const lines = state.readings.filter((each) => !each.error).map(reason);
  if (state.readings.every(({ model: id }) => model(id)?.kind === "pointer-reader")) return null; // they look back
  const chrono = state.readings.some(({ model: id }) => model(id)?.note === "chrono");
  return el(
    "div",
    { class: "reasons" },
    el("h3", {}, t("lengthen.why")),
    el("ul", {}, lines.map((line) => el("li", {}, line))),
    note(t("lengthen.few")),
    chrono ? note(t("lengthen.chrono")) : null,
  );
}

function reason(read) {
  const { keeps, gates = [] } = model(read.model) ?? {};
  const name = fullName(read.model);
  const open = keeps && read.strips.at(-1).gates[keeps];
  if (!open) return t(gates.length ? "lengthen.why.other" : "lengthen.why.none", { name });
  const parts = { name, gate: gateName(read.model, keeps), open: unit(mean(open)), first: percent(read.left_of_first) };
  return t("lengthen.why.gate", { ...parts, half: formatSteps(read.half_life) });
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
