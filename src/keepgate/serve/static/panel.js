// The panel beside the strip: what is changed, and the explanation that was asked for.

import { answerPanel } from "./answer.js";
import { $, announce, button, el, fill, note } from "./dom.js";
import { closeExplained, explainAnswer } from "./explain.js";
import { count, percent } from "./numbers.js";
import { followedWord } from "./retention.js";
import { CHANGES, isChanged, on, reading, state } from "./state.js";
import { tokenPanel } from "./token.js";
import { changesBox } from "./what-if.js";
import { explain, t } from "./words.js";

/** Shows the panel, and keeps it true. */
export function startPanel() {
  const explanation = ["explained", "retention", "origin", "explainFault"];
  on(["readings", "chosen", "language", ...explanation, ...CHANGES, "changed", "changedFault"], show);
  on(["origin", "explained"], sayAnswer);
  $("panel").addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state.explained) closePanel();
  });
}

/** Explains the answer that is looked into, where it is seen. */
export async function showAnswer() {
  const explained = explainAnswer();
  bringPanel(); // at once, so that the page is still by the time there is something to press
  await explained;
  bringPanel(); // which may be taller now
}

/** Brings the explanation into sight, and on a narrow window the words that it marks. */
function bringPanel() {
  const narrow = getComputedStyle($("panel")).bottom === "0px";
  if (narrow) $("strip").scrollIntoView({ block: "start" });
  else $("panel").scrollIntoView({ block: "nearest" });
}

/** Says the explanation of an answer to those who listen, once it is there. */
function sayAnswer() {
  if (state.explained !== "answer" || !state.origin) return;
  const paragraphs = [...$("panel").querySelectorAll(".explained > p, blockquote")].slice(0, 3);
  announce(paragraphs.map((each) => each.textContent).join(" "));
}

function show() {
  $("panel").classList.toggle("open", Boolean(state.explained) || isChanged());
  fill($("panel"), ...(reading() ? [changesBox(), explanation()].filter(Boolean) : []));
  $("panel").classList.toggle("bare", !state.explained);
}

function explanation() {
  if (!state.explained) return hint();
  const close = button("×", closePanel, { class: "close", "aria-label": t("panel.close"), "data-keep": "close" });
  const fault = state.explainFault?.code === "no_memory" ? null : state.explainFault;
  const content = state.explained === "answer" ? answerPanel : tokenPanel;
  return el("div", { class: "explained" }, close, fault ? el("p", { class: "fault" }, explain(fault)) : content());
}

function closePanel() {
  closeExplained();
  $("strip").focus({ preventScroll: true });
}

function hint() {
  return el(
    "div",
    { class: "hint" },
    el("h3", {}, t("hint.title")),
    el(
      "ol",
      {},
      ["answer", "token", "change"].map((each) => el("li", {}, t(`hint.${each}`))),
    ),
    lasting(),
  );
}

/** How long this network's memory lasts, by what became of a word. */
function lasting() {
  const read = reading();
  if (!read.lasting) return note(t("lasting.none"));
  const { left, half } = read.lasting;
  return note(t(half === null ? "lasting.left" : "lasting.half", { left: percent(left), half: count(half), word: followedWord(read) }));
}
