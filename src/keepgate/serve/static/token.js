// The panel about a token's write: how much of it is left, which tokens erased it, in which units it was written.

import { gateLanes } from "./annotations.js";
import { bar, button, el, note, select } from "./dom.js";
import { explainToken } from "./explain.js";
import { followed, isHeld } from "./followed.js";
import { percent, signed, size, unit as share } from "./numbers.js";
import { isChanged, reading, state } from "./state.js";
import { together, toggle, toggles } from "./what-if.js";
import { list, nth, quoted, t } from "./words.js";

const HARDLY = 0.9; // of a write, left at the end: hardly anything erased it

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
    return [head, el("p", {}, t("token.no_memory")), measured, toggles(token)];
  }
  const retention = followed();
  if (!retention) return [head, note(t("waiting"))];
  const there = gateLanes().map(({ label, values }) => `${label} ${share(values[token])}`);
  return [head, note(t("token.gates", { gates: list(there) })), when(), written(token, retention, unit), left(retention), erasers(retention), toggles(token)];
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
    button(text, () => explainToken(token), {
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
    t(chosen === null ? "token.wrote" : "token.wrote.one", { size: size(retention.size) }),
    " ",
    el("label", { class: "inline" }, el("span", {}, t("token.in")), " ", choice),
  );
}
