// Where an answer comes from: the sentence, the writes that carry it, and the proof by leaving each out.

import { bar, el } from "./dom.js";
import { explainToken } from "./explain.js";
import { fullName } from "./names.js";
import { count, percent } from "./numbers.js";
import { rowsOf, sourceOf } from "./source.js";
import { model, reading, state } from "./state.js";
import { isDropped, toggle, together } from "./what-if.js";
import { nth, quoted, t } from "./words.js";

/** The panel's content about the answer of the network that is looked into. */
export function answerPanel() {
  const { answer } = reading();
  const head = el(
    "h3",
    {},
    t("answer.title", { answer: quoted(answer.text) }),
    el("small", {}, t("answer.by", { name: fullName(state.chosen), p: percent(answer.probability) })),
  );
  const found = state.carriers;
  if (!found) return [head, el("p", { class: "note" }, t("waiting"))];
  if (!found.carriers.length)
    return [
      head,
      answer.guess ? guess(answer) : null,
      el("p", {}, t("answer.no_memory")),
      el("p", { class: "note" }, t("answer.sensitivity")),
      candidates(answer),
    ];
  return [head, ...source(answer, found), carriers(answer, found), candidates(answer)];
}

function guess({ probability }) {
  const choices = model(state.chosen)?.choices.length ?? 0;
  const key = choices ? "answer.guess" : "answer.tied";
  return el("p", {}, t(key, { p: percent(probability), n: choices, chance: percent(1 / choices) }));
}

/** What is claimed of the answer's origin, with its proof: never more than leaving out has shown. */
function source(answer, found) {
  const from = sourceOf();
  if (from.kind === "guess") return [guess(answer)];
  const n = { n: count(found.tried), p: percent(answer.probability), count: from.count };
  if (from.kind !== "sentence") {
    const key = from.kind === "spread" && !from.count ? "answer.spread" : `answer.from.${from.kind}`;
    return [el("p", {}, t(key, n))];
  }
  return [
    el("p", { class: "from" }, t("answer.from")),
    el("blockquote", {}, from.words),
    el("p", { class: "proof" }, proof(from)),
    from.others ? el("p", { class: "note" }, t("answer.from.others", { n: from.others })) : null,
  ];
}

/** What the answer becomes without the sentence, or without the one word of it that decides. */
function proof({ by }) {
  const became = { answer: quoted(by.without.text), p: percent(by.without.probability) };
  return by.whole
    ? t("answer.proof.whole", became)
    : t("answer.proof", { token: quoted(reading().tokens[by.token]), at: nth(by.token + 1), ...became });
}

function carriers(answer, found) {
  const shown = rowsOf();
  if (!shown.length) return null;
  const [tried, all] = [found.tried, reading().tokens.length];
  const how = tried < all ? "answer.how.some" : "answer.how";
  return el(
    "div",
    {},
    el("h4", {}, t("answer.carriers")),
    el("p", { class: "note" }, t(how, { n: count(tried), all: count(all) })),
    el("ol", { class: "rows carriers" }, shown.map(carrier)),
    together("drop", shown),
    answer.guess ? null : el("p", { class: "note" }, t(advice(shown))),
  );
}

function carrier({ token, share, without }, k) {
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
          at: nth(token + 1),
          share: percent(share),
        }),
      },
      text,
    ),
    el(
      "span",
      { class: "becomes" },
      el("span", { class: "note" }, nth(token + 1)),
      " ",
      t("answer.without", { answer: without.text, p: percent(without.probability) }),
    ),
    el("span", { class: "number" }, percent(share)),
    el(
      "button",
      {
        type: "button",
        class: `off${off ? " on" : ""}`,
        "data-keep": `off ${token}`,
        onclick: () => toggle("drop", [token]),
        "aria-label": t(off ? "change.on.said" : "change.drop.said", { token: quoted(text), at: nth(token + 1) }),
      },
      t(off ? "change.on" : "change.off"),
    ),
  );
}

/** What to try next: how to make this network forget, or what a wrong answer shows of it. */
function advice(shown) {
  const { answer } = reading();
  const [first] = shown;
  if (first.without.text === answer.text)
    return shown.length > 1 ? "answer.forget.several" : "answer.forget.more";
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
      el("span", { class: "number" }, percent(probability)),
    ),
  );
  return el(
    "details",
    { class: "candidates" },
    el("summary", {}, t("answer.others")),
    el("ul", { class: "rows" }, rows),
  );
}
