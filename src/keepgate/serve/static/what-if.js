// Interventions: words taken out, writes left out, erasures forbidden, all at once, and the answer that is then given.

import { ask, during, forget } from "./api.js";
import { announce, button, el, note } from "./dom.js";
import { probability } from "./numbers.js";
import { CHANGES, isChanged, isGated, model, on, question, reading, set, state } from "./state.js";
import { explain, nth, quoted, t } from "./words.js";

const MOST_CHIPS = 20; // of a kind that are listed one by one

/** Asks anew whenever a change is made or undone, or another network is looked into. */
export function startWhatIf() {
  on([...CHANGES, "chosen"], run);
}

export const isMade = (kind, tokens) => tokens.every((token) => state[kind].includes(token));

/**
 * Makes a change at some tokens at once, or undoes it where it is made at all of them. kind: "remove" takes them out
 * whole, so that no other change is made of them; "drop" leaves their writes out, "keep" forbids their erasures.
 */
export function toggle(kind, tokens) {
  if (!tokens.length) return;
  const others = (name) => state[name].filter((token) => !tokens.includes(token));
  if (isMade(kind, tokens)) return set({ [kind]: others(kind) });
  const excluded = kind === "remove" ? ["drop", "keep"] : ["remove"];
  const made = [...others(kind), ...tokens].sort((a, b) => a - b);
  set({ [kind]: made, ...Object.fromEntries(excluded.map((name) => [name, others(name)])) });
}

async function run() {
  if (!reading()) return;
  const count = reading().tokens.length;
  const changes = Object.fromEntries(CHANGES.map((kind) => [kind, state[kind].filter((token) => token < count)]));
  if (!CHANGES.some((kind) => changes[kind].length)) {
    forget("what-if");
    const { text, probability: p } = reading().answer;
    if (state.changed) announce(t("change.none", { answer: quoted(text), p: probability(p) }));
    set({ changed: null, changedFault: null });
    return;
  }
  const fail = (changedFault) => set({ changed: null, changedFault });
  if (!isGated(state.chosen) && changes.drop.length + changes.keep.length)
    return fail({ code: "no_memory", facts: {}, message: "" });
  await during(
    "what-if",
    async () => {
      const changed = await ask("what-if", { ...question(), ...changes });
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
  if (!isChanged()) return null;
  return el(
    "div",
    { class: "changes" },
    el("h3", {}, t("change.made")),
    result(),
    el("ul", {}, CHANGES.map(chips)),
    button(t("change.clear"), () => set(Object.fromEntries(CHANGES.map((kind) => [kind, []]))), { "data-keep": "undo all" }),
  );
}

function result() {
  const { changed, changedFault: fault } = state;
  if (fault) return el("p", { class: "fault" }, fault.code === "no_memory" ? t("change.no_memory") : explain(fault));
  const how = !changed ? "waiting" : isSame(changed) ? "same" : "new";
  return el("p", { class: `outcome ${how}` }, changed ? outcome(changed) : t("waiting"));
}

function chips(kind) {
  if (state[kind].length <= MOST_CHIPS) return state[kind].map((token) => chip(kind, token));
  const what = t(`change.${kind}.chips`, { n: state[kind].length });
  const undo = button("×", () => set({ [kind]: [] }), { "data-keep": `undo ${kind}`, "aria-label": t("change.undo", { what }) });
  return el("li", { class: `chip ${kind}` }, el("span", {}, what), undo);
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

/** The switches of a token, each with what it asks; in a network without gates there is one. */
export function toggles(token) {
  const { gates, erases_without_write: erases } = model(state.chosen);
  const one = (kind) => {
    const made = isMade(kind, [token]);
    const text = t(made ? `change.${kind}.undo` : `change.${kind}`, { token: quoted(reading().tokens[token]) });
    const press = button(text, () => toggle(kind, [token]), {
      class: `switch-${kind}${made ? " on" : ""}`,
      "data-keep": `switch ${kind}`,
    });
    return [press, note(t(kind === "drop" && !erases ? "change.drop.asks.one" : `change.${kind}.asks`))];
  };
  const title = el("h4", {}, t("change.title"));
  return el("div", { class: "toggles" }, title, (gates.length ? CHANGES : ["remove"]).map(one), note(t("change.keys")));
}
