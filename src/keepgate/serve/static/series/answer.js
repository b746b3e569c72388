// The answer: the number that is forecast with its interval and what came, or the label with its probability.

import { $, bar, el, fill, note } from "../dom.js";
import { fullName } from "../names.js";
import { count, probability } from "../numbers.js";
import { on, reading, state } from "../state.js";
import { signOf, verdictOf, wordOf } from "../verdict.js";
import { t } from "../words.js";
import { figure } from "./figures.js";

/** Shows the answer, and keeps it true. */
export function startAnswer() {
  on(["readings", "language", "changed", "busy"], show);
}

/** The answer in one sentence. */
export function saidAnswer() {
  const { forecast, answer } = reading();
  if (!forecast) return t("label.said", { label: answer.text, p: probability(answer.probability) });
  const k = forecast.ahead - 1;
  return t("forecast.said", { number: figure(forecast.point[k]), time: forecast.times[k] });
}

function show() {
  const read = reading();
  for (const id of ["answer-section", "inside", "rests", "step"]) $(id).hidden = !read;
  if (!read) return;
  $("answer").setAttribute("aria-busy", String(state.busy));
  const who = el("p", { class: "who" }, el("span", { class: "network" }, fullName(state.chosen)));
  fill($("answer"), who, read.forecast ? number(read.forecast) : label(read), changed());
}

function number({ point, low, high, share, came, times, ahead }) {
  const k = ahead - 1;
  const at = { time: times[k], n: count(ahead) };
  return [
    el("p", { class: "what" }, figure(point[k])),
    note(t("forecast.at", at)),
    share === null ? null : el("p", {}, t("forecast.interval", { share: `${Math.round(100 * share)}%`, low: figure(low[k]), high: figure(high[k]) })),
    came[k] === null ? null : el("p", {}, t("forecast.came", { value: figure(came[k]) })),
  ];
}

function label(read) {
  const { answer } = read;
  const verdict = verdictOf(answer);
  const mark = verdict ? el("span", { class: `mark ${verdict}` }, ` ${signOf(verdict)} ${wordOf(verdict)}`) : null;
  return [
    el("p", { class: "answered" }, el("span", { class: "what" }, answer.text), mark),
    el(
      "ul",
      { class: "rows labels" },
      answer.candidates.map((each) =>
        el("li", {}, el("span", { class: "name" }, each.text), bar(each.probability), el("span", { class: "number" }, probability(each.probability))),
      ),
    ),
    state.expected === null ? null : note(t("label.right", { label: state.expected })),
  ];
}

/** What the answer is under the changes that are made. */
function changed() {
  if (!state.changed) return null;
  const { text, probability: p } = state.changed.answer;
  return el("p", { class: "changed" }, t("answer.changed", { answer: text, p: probability(p) }));
}
