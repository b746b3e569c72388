// The panel beside the strip: what is changed, and the explanation that was asked for.

import { answerPanel } from "./answer.js";
import { $, announce, el, fill } from "./dom.js";
import { closeExplained } from "./explain.js";
import { steps } from "./lasting.js";
import { on, reading, state } from "./state.js";
import { tokenPanel } from "./token.js";
import { changesBox } from "./what-if.js";
import { explain, t } from "./words.js";

/** Shows the panel, and keeps it true. */
export function startPanel() {
  on(
    [
      "readings",
      "chosen",
      "language",
      "open",
      "fate",
      "carriers",
      "openFault",
      "drop",
      "keep",
      "changed",
      "changedFault",
    ],
    show,
  );
  on(["carriers", "open"], sayAnswer);
  $("panel").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !state.open) return;
    closeExplained();
    $("strip").focus({ preventScroll: true });
  });
}

/** Brings the explanation into sight, and on a narrow window the words that it marks. */
export function bringPanel() {
  const narrow = getComputedStyle($("panel")).bottom === "0px";
  if (narrow) $("inside-title").scrollIntoView({ block: "start" });
  else $("panel").scrollIntoView({ block: "nearest" });
}

/** Says the explanation of an answer to those who listen, once it is there. */
function sayAnswer() {
  if (state.open !== "answer" || !state.carriers) return;
  const said = [...$("panel").querySelectorAll(".explained > p, blockquote")].slice(0, 3);
  announce(said.map((each) => each.textContent).join(" "));
}

function show() {
  $("panel").classList.toggle("open", Boolean(state.open) || state.drop.length + state.keep.length > 0);
  fill($("panel"), ...(reading() ? [changesBox(), explanation()].filter(Boolean) : []));
  $("panel").classList.toggle("bare", !state.open);
}

function explanation() {
  if (!state.open) return hint();
  const close = el(
    "button",
    {
      type: "button",
      class: "close",
      "aria-label": t("panel.close"),
      "data-keep": "close",
      onclick: () => {
        closeExplained();
        $("strip").focus({ preventScroll: true });
      },
    },
    "×",
  );
  const fault =
    state.openFault && state.openFault.code !== "no_memory"
      ? el("p", { class: "fault" }, explain(state.openFault))
      : null;
  const inside = fault ? [fault] : state.open === "answer" ? answerPanel() : tokenPanel();
  return el("div", { class: "explained" }, close, inside);
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

/** How long this network's memory lasts, from the reading itself. */
function lasting() {
  const { half_life: half, longest } = reading();
  const { keeps, gates = [] } = state.models.find(({ id }) => id === state.chosen) ?? {};
  if (half === null || half === undefined)
    return el("p", { class: "note" }, t(gates.length || keeps ? "lasting.forever" : "lasting.none"));
  return el("p", { class: "note" }, t("lasting.half", { half: steps(half), longest: steps(longest) }));
}
