// What if: writes left out and erasures forbidden, all at once, and the answer that the network then gives.

import { ask, during, forget } from "./api.js";
import { announce, el } from "./dom.js";
import { percent } from "./numbers.js";
import { isGated, on, reading, set, state } from "./state.js";
import { explain, nth, quoted, t } from "./words.js";

/** Asks anew whenever a change is made or undone, or another network is looked into. */
export function startWhatIf() {
  on(["drop", "keep", "chosen"], run);
}

export const isDropped = (token) => state.drop.includes(token);
const isKept = (token) => state.keep.includes(token);

/**
 * Makes a change at some tokens at once, or undoes it where it is made at all of them. kind: "drop" leaves their writes
 * out, "keep" forbids their erasures.
 */
export function toggle(kind, tokens) {
  if (!tokens.length) return;
  const others = state[kind].filter((each) => !tokens.includes(each));
  set({ [kind]: isMade(kind, tokens) ? others : [...others, ...tokens].sort((a, b) => a - b) });
}

const isMade = (kind, tokens) => tokens.every((token) => state[kind].includes(token));

async function run() {
  if (!reading()) return;
  const last = reading().tokens.length;
  const [drop, keep] = [state.drop, state.keep].map((tokens) => tokens.filter((token) => token < last));
  if (!drop.length && !keep.length) {
    forget("what-if");
    const { text, probability } = reading().answer;
    if (state.changed) announce(t("change.none", { answer: quoted(text), p: percent(probability) }));
    set({ changed: null, changedFault: null });
    return;
  }
  if (!isGated(state.chosen)) {
    set({ changed: null, changedFault: { code: "no_memory", facts: {}, message: "" } });
    return;
  }
  await during(
    "what-if",
    async () => {
      const changed = await ask("what-if", "/api/what-if", {
        text: state.text,
        question: state.question,
        model: state.chosen,
        drop,
        keep,
      });
      set({ changed, changedFault: null });
      announce(outcome(changed));
    },
    (changedFault) => {
      set({ changed: null, changedFault });
      announce(explain(changedFault));
    },
  );
}

function outcome({ answer, before }) {
  const key = answer.text === before.text ? "change.same" : "change.new";
  return t(key, {
    answer: quoted(answer.text),
    p: percent(answer.probability),
    before: quoted(before.text),
    q: percent(before.probability),
  });
}

const outcomeOf = (changed) =>
  !changed ? "waiting" : changed.answer.text === changed.before.text ? "same" : "new";

/** The changes that are made now and what they come to; null without any. */
export function changesBox() {
  if (!state.drop.length && !state.keep.length) return null;
  const chip = (kind, token) =>
    el(
      "li",
      { class: `chip ${kind}` },
      el(
        "span",
        {},
        t(`change.${kind}.chip`, { token: quoted(reading().tokens[token] ?? ""), at: nth(token + 1) }),
      ),
      el(
        "button",
        {
          type: "button",
          "data-keep": `undo ${kind} ${token}`,
          "aria-label": t("change.undo", {
            what: t(`change.${kind}.chip`, { token: quoted(reading().tokens[token] ?? ""), at: nth(token + 1) }),
          }),
          onclick: () => toggle(kind, [token]),
        },
        "×",
      ),
    );
  const said = state.changedFault
    ? el(
        "p",
        { class: "fault" },
        state.changedFault.code === "no_memory" ? t("change.no_memory") : explain(state.changedFault),
      )
    : el(
        "p",
        {
          class: `outcome ${outcomeOf(state.changed)}`,
        },
        state.changed ? outcome(state.changed) : t("waiting"),
      );
  return el(
    "div",
    { class: "changes" },
    el("h3", {}, t("change.made")),
    said,
    el(
      "ul",
      {},
      state.drop.map((token) => chip("drop", token)),
      state.keep.map((token) => chip("keep", token)),
    ),
    el(
      "button",
      { type: "button", "data-keep": "undo all", onclick: () => set({ drop: [], keep: [] }) },
      t("change.clear"),
    ),
  );
}

/** One switch for all the tokens that an explanation lists; null where there are not several. */
export function together(kind, rows) {
  const tokens = rows.map(({ token }) => token);
  if (tokens.length < 2) return null;
  const made = isMade(kind, tokens);
  return el(
    "button",
    {
      type: "button",
      class: `together${made ? " on" : ""}`,
      "data-keep": `together ${kind}`,
      onclick: () => toggle(kind, tokens),
    },
    t(made ? `change.${kind}.all.undo` : `change.${kind}.all`, { n: tokens.length }),
  );
}

/** The two switches of a token. */
export function toggles(token) {
  const one = (kind, active) =>
    el(
      "button",
      {
        type: "button",
        class: `switch-${kind}${active ? " on" : ""}`,
        "data-keep": `switch ${kind}`,
        onclick: () => toggle(kind, [token]),
      },
      t(active ? `change.${kind}.undo` : `change.${kind}`, { token: quoted(reading().tokens[token]) }),
    );
  return el(
    "div",
    { class: "toggles" },
    el("h4", {}, t("change.title")),
    one("drop", isDropped(token)),
    one("keep", isKept(token)),
    el("p", { class: "note" }, t("change.keys")),
  );
}
