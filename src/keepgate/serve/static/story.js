// The form: a story and a question, typed or an example; sends them to the networks that read its language.

import { ask, during, forget, readBeforehand } from "./api.js";
import { linkTo, linkedNetwork, linkedPlace, linkedStory, linkedView } from "./address.js";
import { saidOfAnswer } from "./answers.js";
import { $, announce, el, fill } from "./dom.js";
import { exampleLanguage } from "./vocabulary-note.js";
import { count } from "./numbers.js";
import { isOfPupils, startPupils } from "./pupils.js";
import { CHANGES, UNEXPLAINED, asked, model, on, set, state } from "./state.js";
import { languageOf } from "./text.js";
import { explain, language, t } from "./words.js";

const KEPT = ["lstm-chrono", "open-lstm"]; // the networks that are looked into first, if they are served: they remember

let seed = 0; // of the example shown
let example = null; // { text, question, answer } as the server gave it, and its language
let pending = false; // whether the form holds something that was not read

const story = () => $("story");
const question = () => $("question");

/** Lets the form work. */
export function startStory() {
  $("asking").addEventListener("submit", (event) => {
    event.preventDefault();
    read();
  });
  story().addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) read();
  });
  for (const field of [story(), question()]) field.addEventListener("input", edited);
  $("another").addEventListener("click", () => tell(seed + 1));
  $("mind").addEventListener("click", () => readNow(t("mind.story"), t("mind.question")));
  startPupils(readNow);
  $("length").addEventListener("change", () => tell(seed));
  $("link").addEventListener("click", () => copy(linkTo(language()), $("link")));
  offerLengths();
  on(["language"], () => {
    offerLengths();
    if (state.guide !== null) return; // it reads its own story anew
    if (example && isExample() && example.language !== exampleLanguage()) tell(seed);
    else if (state.fault) showFault(state.fault);
  });
  on(["models"], offerLengths);
  on(["along"], read);
}

// Characters that an example may have; about four of an English story are one token.
const LENGTHS = { zh: [100, 300, 1000], en: [400, 1200, 4000] };

/** Offers the lengths of the examples' language, the same one of them chosen. */
function offerLengths() {
  const chosen = Math.max(0, $("length").selectedIndex);
  fill(
    $("length"),
    LENGTHS[exampleLanguage()].map((length, k) =>
      el("option", { value: length, selected: k === chosen }, count(length)),
    ),
  );
}

/** Shows the first example as it was read when the page was written, where it was. */
export function showBeforehand() {
  const first = readBeforehand(exampleLanguage());
  if (!first) return;
  put(first.text, first.question);
  adopt(first, { beforehand: true });
}

/** What the address names, or the first example, read. */
export async function begin() {
  const linked = linkedStory();
  if (linked) {
    put(linked.text, linked.question);
    await read();
  } else {
    if (!state.readings.length) showBeforehand();
    await tell(0);
  }
  if (state.readings.some(({ model: id, error }) => id === linkedNetwork() && !error)) set({ chosen: linkedNetwork() });
  set(linkedPlace());
  set(linkedView(model(state.chosen)?.hidden_size ?? 0));
}

/** Copies a link, and says on the button that was pressed what became of it. */
export async function copy(link, pressed) {
  let outcome = "link.copied";
  try {
    await navigator.clipboard.writeText(link);
  } catch {
    history.replaceState(null, "", link); // where nothing may be copied, it stands in the address
    outcome = "link.there";
  }
  announce(t(outcome));
  pressed.textContent = t(outcome);
  setTimeout(() => (pressed.textContent = t("link")), 2000);
}

const isExample = () =>
  example !== null && story().value === example.text && question().value === example.question;

function edited() {
  pending = true;
  if (!story().value.trim() && !state.beforehand) clear();
  $("asking").classList.toggle("edited", pending);
  stale(pending);
}

/** Fetches an example in a language that the networks read, and has it read. */
async function tell(number) {
  const tongue = exampleLanguage();
  await during(
    "story",
    async () => {
      const told = await ask("story", { language: tongue, length: Number($("length").value), seed: number });
      if (tongue !== exampleLanguage()) return tell(number); // the page has turned to another language meanwhile
      if (state.guide !== null) return; // which reads its own
      if (state.beforehand && pending) return; // somebody is typing already
      [seed, example] = [number, { ...told, language: tongue }];
      put(told.text, told.question);
      await read();
    },
    showFault,
  );
}

/** Has a story and a question read that nobody typed. */
function readNow(text, wanted) {
  put(text, wanted);
  read();
}

/** Puts a story and a question into the form. */
export function put(text, wanted) {
  story().value = text;
  question().value = wanted;
}

/** Has the networks read what the form holds. */
export async function read() {
  const [text, wanted] = [story().value, question().value];
  // Of what is shown already, from beforehand, only the answers come anew; what was asked meanwhile is answered.
  const again = state.beforehand && text === state.text && wanted === state.question;
  forget("read", ...(again ? [] : ["token", "answer", "what-if", "values", "lengthen"]));
  const empty = text.trim() ? (wanted.trim() ? null : "no_question") : "no_story";
  if (empty) {
    set({ busy: false });
    showFault({ code: empty, facts: {}, message: empty });
    (empty === "no_story" ? story() : question()).focus();
    return;
  }
  const networks = networksFor(text, wanted);
  if (!networks.length) {
    showFault({ code: "no_networks", facts: {}, message: "" });
    return;
  }
  set({ busy: true });
  await during(
    "read",
    async () => {
      const { readings, expected: told } = await ask("read", { text, question: wanted, models: networks });
      $("asking-fault").hidden = true;
      $("asking-fault").textContent = "";
      pending = false;
      $("asking").classList.remove("edited");
      stale(false);
      const expected = told ?? (isExample() && text === example.text ? example.answer : null);
      if (again) set({ readings, expected, beforehand: false, busy: false, fault: null });
      else adopt({ text, question: wanted, expected, readings });
      announce(t("answers.said", { n: readings.filter((each) => !each.error).length, first: saidOfAnswer() }));
    },
    (fault) => {
      set({ busy: false });
      showFault(fault);
    },
  );
}

/** Shows nothing any more of a story that is gone. */
function clear() {
  forget("read", "token", "answer", "what-if", "values", "lengthen");
  adopt({ text: "", question: "", expected: null, readings: [] });
  $("read-page").classList.add("cleared");
}

/** Shows readings, and nothing any more of what was explained or changed of others. */
function adopt({ text, question: wanted, expected, readings }, { beforehand = false } = {}) {
  $("read-page").classList.remove("cleared");
  set({
    ...{ text, question: wanted, expected, readings, beforehand, preset: presetOf(text) },
    ...{ fault: null, busy: false, chosen: readings.length ? chosenFrom(readings) : state.chosen },
    ...UNEXPLAINED,
    ...Object.fromEntries(CHANGES.map((kind) => [kind, []])),
  });
}

/** The ready example that a text is, by name. */
const presetOf = (text) => (text === t("mind.story") ? "mind" : isOfPupils(text) ? "pupils" : null);

/**
 * The networks that read a text and question: of those that came along, in its language, the ones that learnt stories of this
 * form, in the guide always; of other sentences those that learnt to point at an answer. One's own read everything.
 */
function networksFor(text, wanted) {
  const spoken = languageOf(text);
  const able = asked().filter((each) => each.language === spoken || each.language === null);
  const ofForm = state.guide !== null || isOfForm(text, wanted);
  return able.filter((each) => !each.shipped || Boolean(each.form) === ofForm).map((each) => each.id);
}

/** Whether networks that came along learnt the question and the text's first sentence, and no other denies it or tells of it. */
export const isOfForm = (text, wanted) => state.models.some((network) => network.form && isLearntBy(network, text, wanted));

function isLearntBy({ form, fact }, text, wanted) {
  const [, goal] = wanted.trim().replace("？", "?").match(new RegExp(form)) ?? [];
  if (!goal) return false;
  const about = text.trim().split(/[。.!?！？\n]/).filter((sentence, k) => k === 0 || sentence.includes(goal));
  return about.every((sentence) => new RegExp(fact).exec(sentence.trim())?.[1] === goal);
}

/** The network looked into stays, if it read this too; else one's own, one that remembers, the first that did not fail. */
function chosenFrom(readings) {
  const well = readings.filter((each) => !each.error).map((each) => each.model);
  const kind = (id) => id?.split("/").at(-1);
  return (
    well.find((id) => id === state.chosen) ??
    well.find((id) => state.chosen && kind(id) === kind(state.chosen)) ??
    well.find((id) => !model(id).shipped) ??
    well.find((id) => KEPT.includes(kind(id))) ??
    well[0] ??
    null
  );
}

/** Whether the answers shown are another story's than the form's. */
function stale(is) {
  $("read-page").classList.toggle("stale", is && state.readings.length > 0);
}

function showFault(fault) {
  stale(true);
  const line = $("asking-fault");
  line.textContent = explain(fault);
  line.hidden = false;
  set({ fault });
}
