// The panel about an answer: its origin, the proof by taking out, the words that it rests on, its candidates.

import { answerOrigin, listedTokens } from "./answer-origin.js";
import { bar, button, el, note } from "./dom.js";
import { explainToken } from "./explain.js";
import { fullName } from "./names.js";
import { count, percent, probability } from "./numbers.js";
import { model, reading, state } from "./state.js";
import { isMade, together, toggle } from "./what-if.js";
import { nth, quoted, t } from "./words.js";

/** The panel's content about the answer of the chosen network. */
export function answerPanel() {
  const { answer } = reading();
  const by = t("answer.by", { name: fullName(state.chosen), p: probability(answer.probability) });
  const head = el("h3", {}, t("answer.title", { answer: quoted(answer.text) }), el("small", {}, by));
  if (!state.origin) return [head, note(t("waiting"))];
  return [head, ...originPart(answer, answerOrigin()), effects(answer, listedTokens()), candidates(answer)];
}

function guess(answer) {
  const choices = model(state.chosen)?.choices.length ?? 0;
  const parts = { p: probability(answer.probability), n: choices, chance: percent(1 / choices) };
  return el("p", {}, t(answer.guess === "chance" ? "answer.guess" : "answer.tied", parts));
}

/** What is claimed of the answer's origin, with its proof. */
function originPart(answer, origin) {
  if (origin.kind === "guess") return [guess(answer)];
  if (origin.kind !== "sentence") {
    const key = origin.kind === "spread" && !origin.deciding ? "answer.spread" : `answer.from.${origin.kind}`;
    const parts = { n: count(state.origin.tried), p: probability(answer.probability), count: origin.deciding };
    return [el("p", {}, t(key, parts))];
  }
  return [
    el("p", { class: "from" }, t("answer.from")),
    el("blockquote", {}, origin.words),
    el("p", { class: "proof" }, proof(origin.proof)),
    unchanged(answer, origin),
    origin.deciding > 1 ? note(t("answer.from.others", { n: origin.deciding - 1 })) : null,
  ];
}

/** What the answer becomes without the sentence, or without the one word of it that decides. */
function proof({ token, without }) {
  const became = { answer: quoted(without.text), p: probability(without.probability) };
  if (token === null) return t("answer.proof.whole", became);
  return t("answer.proof", { token: quoted(reading().tokens[token]), at: nth(token + 1), ...became });
}

/** Where one word of the sentence decides, and all of it taken out does not: that this is so. */
function unchanged(answer, { from }) {
  const { without } = state.origin.sentences.find((sentence) => sentence.from === from);
  const parts = { answer: quoted(answer.text), p: probability(without.probability) };
  return without.text === answer.text ? note(t("answer.proof.unchanged", parts)) : null;
}

function effects(answer, tokens) {
  if (!tokens.length) return null;
  const [tried, all] = [state.origin.tried, reading().tokens.length];
  return el(
    "div",
    {},
    el("h4", {}, t(answer.guess ? "answer.carriers.guess" : "answer.carriers")),
    note(t(tried < all ? "answer.how.some" : "answer.how", { n: count(tried), all: count(all) })),
    el("ol", { class: "rows carriers" }, tokens.map(effect)),
    together("remove", tokens),
    answer.guess ? null : note(t(advice(answer, tokens))),
  );
}

function effect({ token, share, without }, rank) {
  const text = reading().tokens[token];
  const off = isMade("remove", [token]);
  const parts = { token: quoted(text), at: nth(token + 1), share: percent(share) };
  return el(
    "li",
    {},
    button(text, () => explainToken(token), {
      class: "token",
      "data-keep": `carrier ${rank}`,
      "aria-label": t("answer.carrier.said", parts),
    }),
    el(
      "span",
      { class: "becomes" },
      el("span", { class: "note" }, nth(token + 1)),
      " ",
      t("answer.without", { answer: without.text, p: probability(without.probability) }),
    ),
    el("span", { class: "number" }, percent(share)),
    button(t(off ? "change.on" : "change.off"), () => toggle("remove", [token]), {
      class: `off${off ? " on" : ""}`,
      "data-keep": `off ${token}`,
      "aria-label": t(off ? "change.on.said" : "change.remove.said", parts),
    }),
  );
}

/** What to try next: how to make this network forget, or what a wrong answer shows of it. */
function advice(answer, tokens) {
  if (tokens[0].without.text === answer.text)
    return tokens.length > 1 ? "answer.forget.several" : "answer.forget.more";
  return state.expected === null || state.expected === answer.text ? "answer.forget" : "answer.forget.wrong";
}

function candidates({ candidates: all }) {
  if (!all || all.length < 2) return null;
  const rows = all.map((candidate) =>
    el(
      "li",
      {},
      el("span", { class: "name" }, candidate.text),
      bar(candidate.probability),
      el("span", { class: "number" }, probability(candidate.probability)),
    ),
  );
  return el(
    "details",
    { class: "candidates" },
    el("summary", {}, t("answer.others")),
    el("ul", { class: "rows" }, rows),
  );
}
