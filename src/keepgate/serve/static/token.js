// What became of one token's write: how much of it is left, who erased it, in which units it was written.

import { bar, el } from "./dom.js";
import { explainToken } from "./explain.js";
import { percent, signed, size } from "./numbers.js";
import { reading, state } from "./state.js";
import { toggle, toggles, together } from "./what-if.js";
import { nth, quoted, t } from "./words.js";

const HARDLY = 0.9; // of a write, left at the end: nobody erased it

/** The panel's content about the token that is open. */
export function tokenPanel() {
  const { token, unit: chosen } = state.open;
  const read = reading();
  const name = quoted(read.tokens[token]);
  const head = el(
    "h3",
    {},
    t("token.title", { token: name }),
    el("small", {}, t("token.place", { k: token + 1, n: read.tokens.length })),
  );
  if (state.openFault?.code === "no_memory")
    return [head, el("p", {}, t("token.no_memory")), sensitivityNote()];
  const fate = state.fate;
  if (!fate) return [head, el("p", { class: "note" }, t("waiting"))];
  return [head, unitChoice(token, fate, chosen), left(fate), erasers(fate), toggles(token)];
}

const sensitivityNote = () => (state.carriers ? el("p", { class: "note" }, t("token.sensitivity")) : null);

function left(fate) {
  if (!fate.size) return el("p", {}, t("token.nothing"));
  return el(
    "div",
    { class: "left" },
    el("p", {}, t("token.left", { share: percent(fate.at_end) })),
    bar(fate.at_end, "wide"),
    el("p", { class: "note" }, t("token.lane")),
  );
}

function erasers(fate) {
  if (!fate.erasers.length || !fate.size) return null;
  const rows = fate.erasers.map(({ token, share }, k) =>
    el(
      "li",
      {},
      el(
        "button",
        {
          type: "button",
          class: "token",
          "data-keep": `eraser ${k}`,
          "aria-label": t("token.eraser.said", {
            token: quoted(reading().tokens[token]),
            at: nth(token + 1),
            share: percent(share),
          }),
          onclick: () => explainToken(token),
        },
        reading().tokens[token],
      ),
      el("span", { class: "at note" }, nth(token + 1)),
      el("span", { class: "number" }, percent(share)),
      forbid(token),
    ),
  );
  const hardly = fate.at_end > HARDLY ? el("p", { class: "note" }, t("token.hardly")) : null;
  return el(
    "div",
    {},
    el("h4", {}, t("token.erasers")),
    hardly,
    el("ol", { class: "rows erasers" }, rows),
    together("keep", fate.erasers),
  );
}

/** Lets an eraser erase nothing, or lets it erase again. */
function forbid(token) {
  const kept = state.keep.includes(token);
  const said = { token: quoted(reading().tokens[token]) };
  return el(
    "button",
    {
      type: "button",
      class: `off${kept ? " on" : ""}`,
      "data-keep": `forbid ${token}`,
      "aria-label": t(kept ? "change.keep.undo" : "change.keep", said),
      onclick: () => toggle("keep", [token]),
    },
    t(kept ? "change.allow" : "change.forbid"),
  );
}

/** All units together, or one of those into which most was written. */
function unitChoice(token, fate, chosen) {
  const units = fate.written.map(({ unit: number, value }) => ({
    number,
    text: t("token.unit", { unit: number, value: signed(value) }),
  }));
  if (chosen !== null && !units.some(({ number }) => number === chosen))
    units.unshift({ number: chosen, text: t("unit.one", { unit: chosen }) });
  const select = el(
    "select",
    {
      "data-keep": "unit",
      onchange: (event) => explainToken(token, event.target.value === "" ? null : Number(event.target.value)),
    },
    el("option", { value: "", selected: chosen === null }, t("unit.all")),
    units.map(({ number, text }) => el("option", { value: number, selected: number === chosen }, text)),
  );
  return el(
    "p",
    { class: "written" },
    t(chosen === null ? "token.wrote" : "token.wrote.one", { size: size(fate.size) }),
    " ",
    el("label", { class: "inline" }, el("span", {}, t("token.in")), " ", select),
  );
}
