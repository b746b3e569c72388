// Where an answer comes from: the sentence, the writes that carry it, and the proof by leaving each out.

import { bar, el } from "./dom.js";
import { explainToken } from "./explain.js";
import { sourceOf, TELLING } from "./marks.js";
import { fullName } from "./names.js";
import { percent, unit } from "./numbers.js";
import { reading, state } from "./state.js";
import { isDropped, toggle } from "./what-if.js";
import { quoted, t } from "./words.js";

const SHOWN = 6; // carriers in the list

/** The panel's content about the answer of the network that is looked into. */
export function answerPanel() {
  const { answer } = reading();
  const head = el(
    "h3",
    {},
    t("answer.title", { answer: quoted(answer.text) }),
    el("small", {}, t("answer.by", { name: fullName(state.chosen), p: unit(answer.probability) })),
  );
  const found = state.carriers;
  if (!found) return [head, el("p", { class: "note" }, t("waiting"))];
  if (!found.carriers.length)
    return [
      head,
      el("p", {}, t("answer.no_memory")),
      el("p", { class: "note" }, t("answer.sensitivity")),
      candidates(answer),
    ];
  return [head, ...source(), proof(answer, found), carriers(found), candidates(answer)];
}

function source() {
  const sentence = sourceOf();
  if (!sentence) return [el("p", {}, t("answer.nowhere"))];
  if (sentence.asked) return [el("p", {}, t("answer.from_question"))];
  return [el("p", { class: "from" }, t("answer.from")), el("blockquote", {}, sentence.words)];
}

/** The sentence that proves it: what the answer becomes without the write that carries most of it. */
function proof(answer, { carriers }) {
  const turned = carriers.find((each) => each.without.text !== answer.text && each.share >= TELLING);
  const first = carriers[0];
  const shown = turned ?? first;
  if (first.share < TELLING) return null;
  const key = turned ? "answer.proof" : "answer.weakened";
  const said = t(key, {
    token: quoted(reading().tokens[shown.token]),
    answer: quoted(shown.without.text),
    p: unit(shown.without.probability),
    before: unit(answer.probability),
  });
  return el("p", { class: "proof" }, said);
}

function carriers({ carriers: all, tried }) {
  const shown = all.slice(0, SHOWN).filter((each) => each.share >= TELLING);
  if (!shown.length) return null;
  const rows = shown.map(({ token, share, without }, k) => {
    const text = reading().tokens[token];
    const off = isDropped(token);
    return el(
      "li",
      {},
      el(
        "button",
        {
          type: "button",
          class: "token",
          "data-keep": `carrier ${k}`,
          onclick: () => explainToken(token),
          "aria-label": t("answer.carrier.said", {
            token: quoted(text),
            k: token + 1,
            share: percent(share),
          }),
        },
        text,
      ),
      el(
        "span",
        { class: "becomes" },
        t("answer.without", { answer: without.text, p: unit(without.probability) }),
      ),
      el("span", { class: "number" }, percent(share)),
      el(
        "button",
        {
          type: "button",
          class: "off",
          "aria-pressed": String(off),
          "data-keep": `off ${token}`,
          onclick: () => toggle("drop", token),
          "aria-label": t("change.drop.said", { token: quoted(text), k: token + 1 }),
        },
        t("change.off"),
      ),
    );
  });
  return el(
    "div",
    {},
    el("h4", {}, t("answer.carriers")),
    el("p", { class: "note" }, t("answer.how", { n: tried })),
    el("ol", { class: "rows carriers" }, rows),
    el("p", { class: "note" }, t(advice(shown[0]))),
  );
}

/** What to try next: how to make this network forget, or what a wrong answer shows of it. */
function advice(first) {
  const { answer } = reading();
  if (first.without.text === answer.text) return "answer.forget.several";
  return state.expected === null || state.expected === answer.text ? "answer.forget" : "answer.forget.wrong";
}

function candidates({ candidates: all }) {
  if (!all || all.length < 2) return null;
  const rows = all.map(({ text, probability }) =>
    el(
      "li",
      {},
      el("span", { class: "name" }, text),
      bar(probability),
      el("span", { class: "number" }, unit(probability)),
    ),
  );
  return el(
    "details",
    { class: "candidates" },
    el("summary", {}, t("answer.others")),
    el("ul", { class: "rows" }, rows),
  );
}
