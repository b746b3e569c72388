// The example of two pupils: which network is which, what is said of them, and the story's first sentence alone.

import { $, button, fill } from "./dom.js";
import { model, on, state } from "./state.js";
import { firstSentence } from "./text.js";
import { t } from "./words.js";

const PUPILS = { rnn: "pupils.everything", "lstm-chrono": "pupils.picks" };

/** What a network is called in the example, by its word's key; null for the others, and elsewhere. */
export const pupil = (id) => (state.preset === "pupils" && state.guide === null && model(id)?.shipped && PUPILS[id.split("/").at(-1)]) || null;

/** Whether a text is the example's story, or its first sentence. */
export const isOfPupils = (text) => [t("pupils.story"), firstSentence(t("pupils.story"))].includes(text);

/** Shows the note while the example is read. read: has a story and a question read. */
export function startPupils(read) {
  on(["readings", "preset", "guide", "language"], () => show(read));
  $("pupils").addEventListener("click", () => read(t("pupils.story"), t("pupils.question")));
}

function show(read) {
  $("pupils-note").hidden = !state.readings.some(({ model: id }) => pupil(id));
  const whole = t("pupils.story");
  const isWhole = state.text === whole;
  const other = () => read(isWhole ? firstSentence(whole) : whole, t("pupils.question"));
  fill($("pupils-note"), t("pupils.note"), " ", button(t(isWhole ? "pupils.first" : "pupils.whole"), other, { "data-keep": "pupils" }));
}
