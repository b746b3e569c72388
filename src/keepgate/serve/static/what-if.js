// Interventions: writes left out and erasures forbidden, all at once, and the answer that the network then gives.

import { ask, during, forget } from "./api.js";
import { announce, button, el, note } from "./dom.js";
import { probability } from "./numbers.js";
import { isGated, on, question, reading, set, state } from "./state.js";
import { explain, nth, quoted, t } from "./words.js";

/** Asks anew whenever a change is made or undone, or another network is looked into. */
export function startWhatIf() {
  on(["drop", "keep", "chosen"], run);
}

export const isDropped = (token) => state.drop.includes(token);
const isMade = (kind, tokens) => tokens.every((token) => state[kind].includes(token));

/**
 * Makes a change at some tokens at once, or undoes it where it is made at all of them. kind: "drop" leaves their writes
 * out, "keep" forbids their erasures.
 */
export function toggle(kind, tokens) {
  if (!tokens.length) return;
  const others = state[kind].filter((token) => !tokens.includes(token));
  set({ [kind]: isMade(kind, tokens) ? others : [...others, ...tokens].sort((a, b) => a - b) });
}

async function run() {
  if (!reading()) return;
  const count = reading().tokens.length;
  const [drop, keep] = [state.drop, state.keep].map((tokens) => tokens.filter((token) => token < count));
  if (!drop.length && !keep.length) {
    forget("what-if");
    const { text, probability: p } = reading().answer;
    if (state.changed) announce(t("change.none", { answer: quoted(text), p: probability(p) }));
    set({ changed: null, changedFault: null });
    return;
  }
  const fail = (changedFault) => set({ changed: null, changedFault });
  if (!isGated(state.chosen)) return fail({ code: "no_memory", facts: {}, message: "" });
  await during(
    "what-if",
    async () => {
      const changed = await ask("what-if", "/api/what-if", { ...question(), drop, keep });
      set({ changed, changedFault: null });
      announce(outcome(changed));
    },
    (fault) => {
      fail(fault);
      announce(explain(fault));
    },
  );
}

const isSame = ({ answer, before }) => answer.text === before.text;

function outcome(changed) {
  const { answer, before } = changed;
  return t(isSame(changed) ? "change.same" : "change.new", {
    answer: quoted(answer.text),
    p: probability(answer.probability),
    before: quoted(before.text),
    q: probability(before.probability),
  });
}

/** The changes that are made now and what they come to; null without any. */
export function changesBox() {
  const { drop, keep } = state;
  if (!drop.length && !keep.length) return null;
  return el(
    "div",
    { class: "changes" },
    el("h3", {}, t("change.made")),
    result(),
    el("ul", {}, drop.map((token) => chip("drop", token)), keep.map((token) => chip("keep", token))),
    button(t("change.clear"), () => set({ drop: [], keep: [] }), { "data-keep": "undo all" }),
  );
}

function result() {
  const { changed, changedFault: fault } = state;
  if (fault) return el("p", { class: "fault" }, fault.code === "no_memory" ? t("change.no_memory") : explain(fault));
  const how = !changed ? "waiting" : isSame(changed) ? "same" : "new";
  return el("p", { class: `outcome ${how}` }, changed ? outcome(changed) : t("waiting"));
}

function chip(kind, token) {
  const what = t(`change.${kind}.chip`, { token: quoted(reading().tokens[token] ?? ""), at: nth(token + 1) });
  const undo = button("×", () => toggle(kind, [token]), {
    "data-keep": `undo ${kind} ${token}`,
    "aria-label": t("change.undo", { what }),
  });
  return el("li", { class: `chip ${kind}` }, el("span", {}, what), undo);
}

/** One switch for all the tokens that an explanation lists; null where there are not several. */
export function together(kind, rows) {
  const tokens = rows.map(({ token }) => token);
  if (tokens.length < 2) return null;
  const made = isMade(kind, tokens);
  const text = t(made ? `change.${kind}.all.undo` : `change.${kind}.all`, { n: tokens.length });
  return button(text, () => toggle(kind, tokens), {
    class: `together${made ? " on" : ""}`,
    "data-keep": `together ${kind}`,
  });
}

/** The two switches of a token. */
export function toggles(token) {
  const one = (kind) => {
    const made = isMade(kind, [token]);
    const text = t(made ? `change.${kind}.undo` : `change.${kind}`, { token: quoted(reading().tokens[token]) });
    return button(text, () => toggle(kind, [token]), {
      class: `switch-${kind}${made ? " on" : ""}`,
      "data-keep": `switch ${kind}`,
    });
  };
  const title = el("h4", {}, t("change.title"));
  return el("div", { class: "toggles" }, title, one("drop"), one("keep"), note(t("change.keys")));
}
