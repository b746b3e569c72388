// The networks side by side, each with its answer; one of them is looked into.

import { $, bar, button, el, fill } from "./dom.js";
import { lastLane, letterOf, ranks } from "./annotations.js";
import { gateName, nameOf, fullName } from "./names.js";
import { count, probability } from "./numbers.js";
import { pupil } from "./pupils.js";
import { CHANGES, UNEXPLAINED, isGated, model, on, reading, set, state } from "./state.js";
import { doubtOf, isDoubt, signOf, verdictOf, wordOf } from "./verdict.js";
import { explain, has, list, quoted, t } from "./words.js";

const MOST_WORDS = 4; // of a question or story that are listed on a card

let showWhy = null; // explains the answer that is looked into

/** Shows the answers, and keeps them true. explained: what pressing one does once its network is chosen. */
export function startAnswers(explained) {
  showWhy = explained;
  $("along").addEventListener("change", ({ target }) => set({ along: target.checked }));
  on(
    ["readings", "chosen", "expected", "language", "busy", "explained", "retention", "origin", "changed", "models", "guide", "beforehand", "textbook", "preset", ...CHANGES],
    show,
  );
}

function show() {
  const kinds = new Set(state.models.map(({ shipped }) => shipped));
  $("along-label").hidden = kinds.size < 2 || state.guide !== null;
  $("beforehand-note").hidden = !state.beforehand;
  $("answers").setAttribute("aria-busy", String(state.busy && !state.beforehand));
  fill($("answers"), state.readings.map(card));
  const lstm = state.preset === "mind" && state.readings.find(({ model: id, error }) => id.endsWith("/open-lstm") && !error);
  $("mind-note").hidden = !lstm;
  if (lstm) fill($("mind-note"), t("mind.note"), " ", button(t("mind.hold"), () => holdAll(lstm), { "data-keep": "hold all" }));
  fill($("inside-title"), ...title());
  $("how").textContent = reading() ? t(how()) : "";
  fill($("legend"), reading() ? legend() : []);
}

/** Looks into a network's reading, in which nothing may be erased anywhere. */
function holdAll({ model: id, tokens }) {
  choose(id);
  set({ keep: [...tokens.keys()] });
}

/** How the strip is read, as it is now. */
function how() {
  if (isGated(state.chosen) && state.keep.length)
    return model(state.chosen).keeps_closed ? "strip.how.held.closed" : "strip.how.held";
  if (isGated(state.chosen)) return "strip.how";
  return lastLane().kind === "carries" ? "strip.how.carries" : "strip.how.plain";
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
      .map((fact, k) => el("span", {}, k ? ` · ${fact}` : fact)),
  );
  return el(
    "li",
    { class: ["card", chosen && "chosen", doubtIn(read)].filter(Boolean).join(" ") },
    head,
    pupil(id) && el("p", { class: "pupil" }, t(pupil(id))),
    read.error ? failed(read) : answer(read, chosen),
    chosen && state.changed ? was(state.changed) : facts,
  );
}

/** The kind of doubt about the answer that a network gave, where there is any. */
function doubtIn(read) {
  const verdict = read.error ? null : verdictOf(read.answer, read);
  return isDoubt(verdict) ? `doubt ${verdict}` : null;
}

/** What a newcomer wants to know of a network that came along: what its name means for what it keeps. */
function about(id) {
  const network = model(id);
  if (!network?.shipped) return "";
  const key = `about.${network.note ?? "plain"}`;
  const own = `${key}.${network.cell}`;
  return t(has(own) ? own : key, { gate: gateName(id, network.keeps) });
}

const failed = (read) => el("p", { class: "fault" }, explain({ ...read.error, message: read.error.error }));

function answer(read, chosen) {
  const changed = chosen ? state.changed : null;
  const displayed = changed ? changed.answer : read.answer;
  const open = chosen && state.explained === "answer";
  const verdict = verdictOf(displayed, read);
  const sure = t(surenessOf(displayed, verdict));
  const press = el(
    "button",
    {
      type: "button",
      class: "answer",
      "data-keep": `answer ${read.model}`,
      "aria-expanded": String(open),
      "aria-controls": "panel",
      "aria-label": inARow(
        wordOf(verdict),
        t("answers.button", { network: fullName(read.model), answer: displayed.text || t("answers.none"), sure, p: probability(displayed.probability) }),
      ),
      onclick: () => {
        choose(read.model);
        showWhy();
      },
    },
    el("span", { class: "what" }, displayed.text || t("answers.none")),
    verdict && !isDoubt(verdict) ? mark(verdict) : null,
    el("span", { class: "why" }, t("answers.why")),
  );
  return [
    isDoubt(verdict) ? el("p", { class: "note" }, mark(verdict), " · ", said(doubtOf(displayed, read))) : null,
    press,
    el(
      "p",
      { class: "sure" },
      el("span", { class: "note" }, sure),
      bar(displayed.probability),
      el("span", {}, probability(displayed.probability)),
    ),
  ];
}

const mark = (verdict) => el("span", { class: `mark ${verdict}` }, `${signOf(verdict)} ${wordOf(verdict)}`);

/** What the probability is of, by its word's key. */
function surenessOf({ text }, verdict) {
  if (!text) return "answers.probability.none";
  return isDoubt(verdict) ? "answers.probability.own" : "answers.probability";
}

const inARow = (...parts) => parts.filter(Boolean).join(" · ");

/** What is said of the answer that is looked into: before it, what speaks against it. */
export function saidOfAnswer() {
  const read = reading();
  if (!read) return "";
  const verdict = verdictOf(read.answer, read);
  return inARow(wordOf(verdict), isDoubt(verdict) && said(doubtOf(read.answer, read)), quoted(read.answer.text));
}

/** Why an answer is not to be relied on, in words. */
const said = ({ reason, words }) => t(`answers.doubt.${reason}`, { words: list(words.slice(0, MOST_WORDS).map(quoted)) });

/** What the answer was before the changes that are made now, and whether they changed it. */
function was({ answer, before }) {
  const same = answer.text === before.text;
  return el(
    "p",
    { class: `changed${same ? " same" : ""}` },
    t(same ? "answers.unchanged" : "answers.was", {
      answer: quoted(before.text),
      p: probability(before.probability),
    }),
  );
}

/** Looks into another network. */
export function choose(id) {
  if (id === state.chosen) return;
  set({ chosen: id, ...UNEXPLAINED });
}

/** What the lanes under the tokens mean, in words. */
function legend() {
  const { gates = [], keeps_closed: closed } = model(state.chosen) ?? {};
  const meaning = (name) => {
    const key = [name === closed && `legend.${name}.closed`, `legend.${name}`].find((each) => each && has(each));
    return key ? t(key) : "";
  };
  const lanes = gates.map((name) =>
    el(
      "li",
      { class: `gate-${name}` },
      el("b", {}, letterOf(name)),
      " ",
      meaning(name),
    ),
  );
  const last = lastLane();
  const { unknown } = reading();
  return [
    ...lanes,
    el("li", { class: `lane-${last.kind}` }, el("b", {}, last.name), " ", t(`legend.${last.kind}`)),
    unknown.length
      ? el("li", {}, el("b", { class: "dotted" }, "\u00a0\u00a0\u00a0"), " ", t("legend.unknown"))
      : null,
    ...marks(),
  ];
}

/** What the marks on the words mean that are there. */
function marks() {
  const isEverywhere = state.keep.length === reading().tokens.length; // and needs no mark
  const kinds = CHANGES.filter((kind) => state[kind].length && !(kind === "keep" && isEverywhere));
  // While the ranks are awaited, too: the strip below stays where it is.
  const isRanked = ranks().size || (state.explained === "answer" && !state.origin);
  return [
    ...kinds.map((kind) => el("li", {}, el("b", { class: `made-${kind}` }, t("legend.word")), " ", t(`legend.${kind}`))),
    isRanked ? el("li", {}, el("b", {}, "1, 2 …"), " ", t(state.explained === "answer" ? "legend.carriers" : "legend.erasers")) : null,
  ];
}
