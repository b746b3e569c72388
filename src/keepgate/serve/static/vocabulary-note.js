// What the networks that came along can read, and what of a story they could not.

import { $, el, fill } from "./dom.js";
import { asked, model, on, reading, state } from "./state.js";
import { language, list, t } from "./words.js";

const ENOUGH = 0.5; // the share of a story's words below which it is as good as foreign

/**
 * The language in which examples are told: the page's; the other only where models of one's own are served that, on
 * average, lack most words of such a story and have more of the other's.
 */
export function exampleLanguage() {
  const own = asked().filter(({ shipped }) => !shipped);
  if (!own.length) return spoken();
  const [here, there] = spoken() === "zh" ? ["zh", "en"] : ["en", "zh"];
  const share = (story) => own.reduce((sum, { vocabulary_share: covers }) => sum + covers[story], 0) / own.length;
  return share(here) < ENOUGH && share(there) > share(here) ? there : here;
}

const narrow = matchMedia("(max-width: 620px)"); // where the answers are to be seen without scrolling

/** Says it under the form and above the answers, and keeps it true. */
export function startVocabularyNote() {
  on(["readings", "language", "models", "along", "guide"], showLearnt);
  narrow.addEventListener("change", showLearnt);
  on(["readings", "chosen", "language"], showRead);
}

const spoken = () => (language() === "zh-TW" ? "zh" : "en");

/** The first network that came along and read the story; undefined if none did. */
const readIn = () => state.readings.map(({ model: id }) => model(id)).find((network) => network?.shipped);

function showLearnt() {
  const story = readIn()?.language ?? exampleLanguage();
  const network = readIn() ?? asked().find(({ shipped, language: own }) => shipped && own === story);
  $("learnt").hidden = !network;
  if (!network) return;
  if (!network.form) {
    fill($("learnt"), el("p", {}, t("learnt.open")));
    return;
  }
  const what = el("p", {}, t(`learnt.what.${story}`));
  const names = t("learnt.names", { n: network.choices.length });
  const listed = [el("p", {}, list(network.choices)), el("p", {}, t("learnt.why"))];
  fill(
    $("learnt"),
    narrow.matches
      ? el("details", {}, el("summary", {}, t("learnt.title")), what, el("p", {}, names), listed)
      : [what, el("details", {}, el("summary", {}, names), listed)],
  );
}

function showRead() {
  const story = readIn()?.language;
  const unknown = reading()?.unknown.length ?? 0;
  const notes = [];
  if (story && story !== spoken()) notes.push(t(`answers.read_by.${story}`));
  if (state.readings.some(({ model: id }) => model(id)?.shipped && model(id).kind === "pointer-reader")) notes.push(t("answers.open"));
  if (unknown) notes.push(t("answers.unknown", { n: unknown }));
  $("reading-note").hidden = !notes.length;
  $("reading-note").textContent = notes.join(" ");
}
