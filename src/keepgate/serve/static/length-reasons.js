// What is read at the length that the slider of longer stories stands on, and why a network remembers or forgets there.

import { ask, during, forget } from "./api.js";
import { el } from "./dom.js";
import { count } from "./numbers.js";
import { retentionReasons } from "./retention.js";
import { state } from "./state.js";
import { firstSentence } from "./text.js";
import { t } from "./words.js";

const REST = 300; // milliseconds without a movement after which the slider rests

let there = { text: "", readings: [] }; // the readings that the reasons are from, and what was read
let clock = null; // while the slider moves

/** Begins with what the page has read. */
export function resetLength() {
  clearTimeout(clock);
  forget("lengthen-reasons");
  there = { text: state.text, readings: state.readings };
}

/** The story at a length. */
export function toldAt({ stories, lengths }, at) {
  const line = t("guide.story", { first: firstSentence(stories[at]), n: count(lengths[at]), question: state.question });
  return el("details", { class: "told note" }, el("summary", {}, line), el("p", {}, stories[at]));
}

/** Why each network remembers or forgets, in the story that was read last. */
export const whyThere = () => el("div", { class: "why-so" }, retentionReasons(there));

/** Has the networks read the story at a length once the slider rests there: the reasons are then of that one. */
export function followLength({ stories, answers }, at) {
  clearTimeout(clock);
  const text = stories[at];
  if (text === there.text) return;
  const read = async () => {
    const { readings } = await ask("read", { models: Object.keys(answers), text, question: state.question }, "lengthen-reasons");
    there = { text, readings };
    document.querySelector(".why-so")?.replaceWith(whyThere());
  };
  clock = setTimeout(() => during("lengthen-reasons", read, () => {}), REST); // the reasons say of which story they are
}
