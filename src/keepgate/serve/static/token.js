// The panel about a token's write: how much of it is left, which tokens erased it, in which units it was written.

import { gateLanes } from "./annotations.js";
import { bar, button, el, note, select } from "./dom.js";
import { explainToken } from "./explain.js";
import { followed, isHeld } from "./followed.js";
import { percent, signed, size, unit as share } from "./numbers.js";
import { isChanged, model, reading, state } from "./state.js";
import { intoView } from "./strip-view.js";
import { together, toggle, toggles } from "./what-if.js";
import { list, nth, quoted, t } from "./words.js";

const HARDLY = 0.9; // of a write, left at the end: hardly anything erased it
const BOUNDED = ["lstm", "gru"]; // cells of which a unit's write is a gate times a tanh, of 1 at most

let opened = false; // whether the guide shows the changes too, which are folded away there

/** The panel's content about the token that is explained. */
export function tokenPanel() {
  const { token, unit } = state.explained;
  const { tokens } = reading();
  const head = el(
    "h3",
    {},
    t("token.title", { token: quoted(tokens[token]) }),
    el("small", {}, t("token.place", { k: token + 1, n: tokens.length })),
  );
  if (state.explainFault?.code === "no_memory") {
    const measured = state.origin ? note(t("token.carries")) : null;
    return [head, el("p", {}, t("token.no_memory")), measured, changes(token)];
  }
  const retention = followed();
  if (!retention) return [head, note(t("waiting"))];
  const there = gateLanes().map(({ label, values }) => `${label} ${share(values[token])}`);
  return [head, note(t("token.gates", { gates: list(there) })), when(), written(token, retention, unit), left(retention), erasers(retention), changes(token)];
}

/** What can be changed at a token; in the guide, where it is not what is to be tried, folded away. */
function changes(token) {
  if (state.guide === null) return toggles(token);
  const keep = ({ target }) => (opened = target.open);
  return el("details", { open: opened, ontoggle: keep, "data-keep": "changes" }, el("summary", {}, t("change.more")), toggles(token));
}

/** Whether what is said takes the changes into account that are made. */
function when() {
  if (!isChanged()) return null;
  return note(t(isHeld(state.explained) ? "token.held" : "token.before_changes"));
}

function left(retention) {
  if (!retention.size) return el("p", {}, t("token.nothing"));
  return el(
    "div",
    { class: "left" },
    el("p", {}, t("token.left", { share: percent(retention.at_end) })),
    bar(retention.at_end, "wide"),
    note(t("token.lane")),
  );
}

function erasers({ erasers: all, size: wrote, at_end: atEnd }) {
  if (!all.length || !wrote) return null;
  return el(
    "div",
    {},
    el("h4", {}, t("token.erasers")),
    atEnd > HARDLY ? note(t("token.hardly")) : null,
    el("ol", { class: "rows erasers" }, all.map(eraser)),
    together("keep", all),
  );
}

function eraser({ token, share }, rank) {
  const text = reading().tokens[token];
  const kept = state.keep.includes(token);
  const parts = { token: quoted(text), at: nth(token + 1), share: percent(share) };
  return el(
    "li",
    {},
    button(text, () => follow(token), {
      class: "token",
      "data-keep": `eraser ${rank}`,
      "aria-label": t("token.eraser.said", parts),
    }),
    el("span", { class: "at note" }, nth(token + 1)),
    el("span", { class: "number" }, percent(share)),
    button(t(kept ? "change.allow" : "change.forbid"), () => toggle("keep", [token]), {
      class: `off${kept ? " on" : ""}`,
      "data-keep": `forbid ${token}`,
      "aria-label": t(kept ? "change.keep.undo.said" : "change.keep.said", parts),
    }),
  );
}

/** Explains another token, which is brought into sight. */
function follow(token) {
  explainToken(token);
  intoView(token);
}

/** How much was written: in all units together, or in one of those with the largest writes. */
function written(token, retention, chosen) {
  const units = retention.written.map(({ unit, value }) => [
    unit,
    t("token.unit", { unit, value: signed(value) }),
  ]);
  if (chosen !== null && !units.some(([unit]) => unit === chosen))
    units.unshift([chosen, t("unit.one", { unit: chosen })]);
  const choice = select([["", t("unit.all")], ...units], chosen ?? "", {
    "data-keep": "unit",
    onchange: ({ target }) => explainToken(token, target.value === "" ? null : Number(target.value)),
  });
  return el(
    "p",
    { class: "written" },
    amount(retention.size, chosen),
    " ",
    el("label", { class: "inline" }, el("span", {}, t("token.in")), " ", choice),
  );
}

/** The size of a write, as a share of what it can be at most where that is known. */
function amount(wrote, chosen) {
  const { cell, hidden_size: n } = model(state.chosen);
  const isOne = chosen !== null;
  const key = BOUNDED.includes(cell) ? (isOne ? "token.wrote.one.of" : "token.wrote.of") : isOne ? "token.wrote.one" : "token.wrote";
  return t(key, { size: size(wrote), share: percent(wrote / n), n });
}
