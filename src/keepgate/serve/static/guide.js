// The guided mode: a story in eight steps, each with a picture of the page, something to try and a sentence to take away.

import { guideStep, linkToGuide, showOnly } from "./address.js";
import { choose } from "./answers.js";
import { ask, during, prepare } from "./api.js";
import { $, button, el, fill } from "./dom.js";
import { conduct } from "./equation-player.js";
import { FEW, STEPS } from "./guide-steps.js";
import { count, percent } from "./numbers.js";
import { model, on, reading, set, state } from "./state.js";
import { begin, copy, put, read } from "./story.js";
import { firstSentence } from "./text.js";
import { explain, has, language, t } from "./words.js";

const NAMED = 2; // steps in which the words on the networks' cards are explained

let entered = 0; // how often a step was entered: what an earlier one still waits for is dropped

/** Lets the guide work; `turnGuide` then says at which step it stands. */
export function startGuide() {
  on(["language", "guide", "models", "fault"], show);
  on(["readings"], () => document.querySelector("#guide .told")?.replaceWith(told()));
  on(["language"], () => state.guide && enter());
  on(["explained"], () => state.guide && showOnly(state.explained ? [...new Set([...step().parts, "gates"])] : step().parts));
}

/** Goes to the step that the address names, or leaves the guide. */
export function turnGuide() {
  const before = state.guide;
  set({ guide: guideStep(STEPS.length) });
  document.body.classList.toggle("guided", state.guide !== null);
  document.body.dataset.guide = state.guide ?? "";
  if (state.guide === null) {
    entered += 1; // a step that is still being entered stays out
    if (before !== null) leave();
    return;
  }
  showOnly(step().parts);
  enter();
  if (before === null) return;
  window.scrollTo(0, 0);
  $("guide-title").focus({ preventScroll: true });
}

/** Whether the step shows the page of the gradient. */
export const guidesToGradient = () => step()?.parts.includes("gradient") ?? false;

const rest = () => conduct({});
const step = () => STEPS[state.guide - 1];

/** The free mode goes on with what the guide read last. */
async function leave() {
  showOnly([]);
  rest();
  if (state.models.length) await (state.readings.length ? read() : begin());
}

/** Has the step's story read, and looks into its network. */
export async function enter() {
  const now = (entered += 1);
  if (!state.models.length || !step().story) return rest();
  await during(
    "guide",
    async () => {
      const { text, question } = await storyOf(step());
      if (now !== entered) return;
      put(text, question);
      await read();
      if (now !== entered || !state.readings.length) return;
      choose(state.readings.map((each) => each.model).find((id) => id.endsWith(`/${step().network}`)) ?? state.chosen);
      (step().begin ?? rest)();
      prepare("zh"); // of the article's own sentence, which a later step reads in every language
    },
    (fault) => set({ fault }),
  );
}

async function storyOf({ story, chinese }) {
  if (story === "two") return { text: t("guide.two.story"), question: t("guide.two.question") };
  const tongue = chinese || language() === "zh-TW" ? "zh" : "en";
  const length = (story === "sentence" ? FEW : story)[tongue]; // of any length the first sentence is the same
  const told = await ask("story", { language: tongue, length, seed: 0 }, "guide");
  return story === "sentence" ? { ...told, text: firstSentence(told.text) } : told;
}

function show() {
  $("guide").hidden = $("guide-end").hidden = state.guide === null;
  if (state.guide === null) return;
  const number = state.guide;
  const word = (part) => t(`guide.${number}.${part}`, facts());
  fill(
    $("guide"),
    el("ol", { class: "steps", "aria-label": t("guide.steps") }, STEPS.map((_, k) => el("li", {}, linkTo(k + 1)))),
    el("h1", { id: "guide-title", tabIndex: -1 }, el("small", {}, t("guide.number", { k: number, n: STEPS.length })), word("title")),
    el("p", { class: "lead" }, word("text")),
    state.fault ? el("p", { class: "fault", role: "alert" }, explain(state.fault)) : null,
    el(
      "div",
      { class: "try" },
      el("p", {}, el("b", {}, t("guide.try")), " ", word("try")),
      button(word("show"), () => (reading() || !step().story) && step().show(), { "data-keep": "guide show" }),
    ),
    number <= NAMED ? el("p", { class: "words note" }, t("guide.words", facts())) : null,
    step().figure?.() ?? null,
    told(),
  );
  fill(
    $("guide-end"),
    el("p", { class: "take" }, el("b", {}, t("guide.take")), " ", word("take")),
    has(`guide.${number}.kindly`) ? el("p", { class: "kindly" }, el("b", {}, t("guide.kindly")), " ", word("kindly")) : null,
    el(
      "p",
      { class: "turns" },
      number > 1 ? turn(number - 1, t("guide.back")) : null,
      number < STEPS.length ? turn(number + 1, t("guide.next", { title: t(`guide.${number + 1}.title`) }), "main") : turnFree(),
      button(t("link"), ({ target }) => copy(linkToGuide(number, language()), target), { "data-keep": "guide link" }),
    ),
  );
}

/** The story that was read and its question, where the step shows neither itself. */
function told() {
  if (state.guide === null || !state.readings.length || ["gates", "length"].some((part) => step().parts.includes(part))) return el("div", { class: "told" });
  const [whole, first] = [state.text, firstSentence(state.text)];
  const line = t("guide.story", { first, n: count([...whole].length), question: state.question });
  if (whole.trim() === first.trim()) return el("p", { class: "told note" }, line);
  return el("details", { class: "told note" }, el("summary", {}, line), el("p", {}, whole));
}

const linkTo = (number) =>
  el(
    "a",
    {
      href: `#guide-${number}`,
      "data-keep": `guide ${number}`,
      "aria-current": number === state.guide ? "step" : null,
      "aria-label": `${t("guide.number", { k: number, n: STEPS.length })}: ${t(`guide.${number}.title`)}`,
      title: t(`guide.${number}.title`),
    },
    String(number),
  );

const turn = (number, text, kind = "") => el("a", { class: `turn ${kind}`, href: `#guide-${number}` }, text);
const turnFree = () => el("a", { class: "turn main", href: "#read" }, t("guide.free"));

/** The networks' own numbers that a step's sentences name. */
function facts() {
  const tongue = language() === "zh-TW" ? "zh" : "en";
  const learnt = (name) => model(`${tongue}/${name}`)?.layer_parameters ?? 0;
  const [rnn, lstm, gru] = ["rnn", "lstm-chrono", "gru-chrono"].map(learnt);
  const units = model(`${tongue}/lstm-chrono`)?.hidden_size ?? 0;
  return { rnn: count(rnn), lstm: count(lstm), gru: count(gru), share: percent(lstm && gru / lstm), units };
}
