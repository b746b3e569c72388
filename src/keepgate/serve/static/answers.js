// The networks side by side, each with its answer; one of them is looked into.

import { $, bar, el, fill } from "./dom.js";
import { explainAnswer } from "./explain.js";
import { lastLane } from "./marks.js";
import { nameOf, fullName } from "./names.js";
import { count, unit } from "./numbers.js";
import { bringPanel } from "./panel.js";
import { isGated, model, on, reading, set, state } from "./state.js";
import { explain, quoted, t } from "./words.js";

/** Shows the answers, and keeps them true. */
export function startAnswers() {
  on(
    ["readings", "chosen", "expected", "language", "busy", "open", "fate", "carriers", "changed", "models"],
    show,
  );
}

function show() {
  $("answers").setAttribute("aria-busy", String(state.busy));
  fill($("answers"), state.readings.map(card));
  fill($("inside-title"), ...title());
  $("how").textContent = reading() ? t(isGated(state.chosen) ? "strip.how" : "strip.how.plain") : "";
  fill($("legend"), reading() ? legend() : []);
}

function title() {
  return state.chosen ? [t("inside.title", { name: fullName(state.chosen) })] : [];
}

function card(read) {
  const id = read.model;
  const { name, note } = nameOf(id);
  const chosen = id === state.chosen;
  const radio = el("input", {
    type: "radio",
    name: "network",
    value: id,
    checked: chosen,
    "data-keep": `radio ${id}`,
    disabled: Boolean(read.error),
    onchange: () => choose(id),
  });
  const head = el(
    "label",
    { class: "who" },
    radio,
    el("span", { class: "network" }, name),
    el("span", { class: "note" }, note),
  );
  const facts = el(
    "p",
    { class: "facts note" },
    [about(id), t("network.parameters", { n: count(model(id)?.parameters ?? 0) })]
      .filter(Boolean)
      .join(" · "),
  );
  return el(
    "li",
    { class: `card${chosen ? " chosen" : ""}` },
    head,
    read.error ? failed(read) : answer(read, chosen),
    facts,
  );
}

/** What a newcomer wants to know of a network that came along: what its name means for what it keeps. */
function about(id) {
  const known = model(id);
  return known?.shipped ? t(`about.${known.note ?? "plain"}`) : "";
}

const failed = (read) => el("p", { class: "fault" }, explain({ ...read.error, message: read.error.error }));

function answer(read, chosen) {
  const { text, probability } = read.answer;
  const open = chosen && state.open === "answer";
  const button = el(
    "button",
    {
      type: "button",
      class: "answer",
      "data-keep": `answer ${read.model}`,
      "aria-expanded": String(open),
      "aria-controls": "panel",
      "aria-label": t("answers.button", {
        network: fullName(read.model),
        answer: text,
        p: unit(probability),
        mark: markWord(read),
      }),
      onclick: async () => {
        choose(read.model);
        await explainAnswer();
        bringPanel();
      },
    },
    el("span", { class: "what" }, text),
    mark(read),
    el("span", { class: "why" }, t("answers.why")),
  );
  const changed =
    chosen && state.changed
      ? el(
          "p",
          { class: "changed" },
          t("answers.changed", {
            answer: quoted(state.changed.answer.text),
            p: unit(state.changed.answer.probability),
          }),
        )
      : null;
  return [
    button,
    el(
      "p",
      { class: "sure" },
      el("span", { class: "note" }, t("answers.probability")),
      bar(probability),
      el("span", {}, unit(probability)),
    ),
    changed,
  ];
}

const right = (read) => state.expected !== null && read.answer.text === state.expected;

function markWord(read) {
  if (state.expected === null) return "";
  return t(right(read) ? "answers.right" : "answers.wrong");
}

function mark(read) {
  if (state.expected === null) return null;
  const good = right(read);
  return el("span", { class: `mark ${good ? "right" : "wrong"}` }, `${good ? "✓" : "✗"} ${markWord(read)}`);
}

function choose(id) {
  if (id === state.chosen) return;
  set({ chosen: id, at: null, open: null, fate: null, carriers: null, openFault: null, changed: null });
}

/** What the lanes under the tokens mean, in words. */
function legend() {
  const { gates = [] } = model(state.chosen) ?? {};
  const lanes = gates.map((name) =>
    el(
      "li",
      { class: `gate-${name}` },
      el("b", {}, name),
      " ",
      t(`legend.${name}`) === `legend.${name}` ? "" : t(`legend.${name}`),
    ),
  );
  const last = lastLane();
  return [
    ...lanes,
    el("li", { class: `lane-${last.kind}` }, el("b", {}, last.name), " ", t(`legend.${last.kind}`)),
  ];
}
