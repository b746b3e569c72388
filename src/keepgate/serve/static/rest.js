// What comes after the first picture: explanations and changes, a story token by token, the other pages; and which one is shown.

import { ask } from "./api.js";
import { startBeside } from "./beside.js";
import { startBridge } from "./bridge.js";
import { $ } from "./dom.js";
import { startEquationPlayer } from "./equation-player.js";
import { closeExplained, explainToken, startExplain } from "./explain.js";
import { startGradient } from "./gradient.js";
import { enter, guidesToGradient, startGuide, turnGuide } from "./guide.js";
import { startKeys } from "./keys.js";
import { breath } from "./later.js";
import { startLengthen } from "./lengthen.js";
import { showAnswer, startPanel } from "./panel.js";
import { startPresses } from "./presses.js";
import { set, startLater, state } from "./state.js";
import { begin } from "./story.js";
import { startWhatIf, toggle } from "./what-if.js";
import { language, speak } from "./words.js";

/** What the first picture's parts do to it. */
export const acts = { closeExplained, explainToken, showAnswer, toggle };

const PARTS = [
  startPanel,
  startPresses,
  startWhatIf,
  startEquationPlayer,
  startLengthen,
  startBridge,
  startBeside,
  startGradient,
  startGuide,
  startKeys,
  startExplain,
];

/** Starts all of it, then has what the address names read. */
export async function startRest() {
  await speak(language()); // words may have come with it
  for (const part of PARTS) {
    await breath();
    startLater(part);
  }
  await breath();
  addEventListener("hashchange", turn);
  turn();
  set({ models: (await ask("models")).models });
  await (state.guide === null ? begin() : enter());
}

function turn() {
  turnGuide();
  const guided = state.guide !== null;
  const gradient = guided ? guidesToGradient() : location.hash === "#gradient";
  $("read-page").hidden = gradient && !guided; // a step may show answers beside it
  $("gradient-page").hidden = !gradient;
  $("gradient-page").setAttribute("role", gradient && guided ? "group" : "main"); // of two that are shown one is the main part
  const page = guided ? "guide" : gradient ? "gradient" : "read";
  for (const name of ["guide", "read", "gradient"]) $(`to-${name}`).setAttribute("aria-current", name === page ? "page" : "false");
  document.querySelector(".skip").hidden = page !== "read"; // it leads to what is not there
  document.dispatchEvent(new CustomEvent("page-turned", { detail: gradient ? "gradient" : "read" }));
}
