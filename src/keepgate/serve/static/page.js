// The page: words, networks, an example that is read already; and which of the two pages is shown.

import { embedded, guideStep, linkedStory, startAddress } from "./address.js";
import { answerBy, ask, during, readBeforehand } from "./api.js";
import { startAnswers } from "./answers.js";
import { startBridge } from "./bridge.js";
import { closeExplained, explainToken, startExplain } from "./explain.js";
import { $ } from "./dom.js";
import { startGradient } from "./gradient.js";
import { enter, guidesToGradient, startGuide, turnGuide } from "./guide.js";
import { STEPS } from "./guide-steps.js";
import { startKeys } from "./keys.js";
import { exampleLanguage, startVocabularyNote } from "./vocabulary-note.js";
import { startLengthen } from "./lengthen.js";
import { startPanel } from "./panel.js";
import { startLayerSelect } from "./layer-select.js";
import { on, set, startLater, state } from "./state.js";
import { startEquationPlayer } from "./equation-player.js";
import { begin, showBeforehand, startStory } from "./story.js";
import { startStrip } from "./strip-view.js";
import { startWhatIf, toggle } from "./what-if.js";
import { explain, firstLanguage, language, speak, startWords } from "./words.js";

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

/** Starts the page, whose questions an engine answers. */
export async function start(engine) {
  answerBy(engine);
  startAddress();
  startWords();
  on(["language"], () => ($("to-sheet").href = `sheet.html#${language()}`));
  await speak(firstLanguage());
  startStory();
  startVocabularyNote();
  startAnswers();
  startLayerSelect();
  startStrip({ opened: explainToken, toggled: toggle, closed: closeExplained });
  if (opensOnTheExample() && readBeforehand(exampleLanguage())) {
    set({ models: (await ask("models")).models });
    showBeforehand();
    await painted();
  }
  startLater(() => {
    startPanel();
    startWhatIf();
    startEquationPlayer();
    startLengthen();
    startBridge();
    startGradient();
    startGuide();
    startKeys();
    startExplain();
  });
  addEventListener("hashchange", turn);
  turn();
  await load();
}

/** Whether the address names nothing but the page. */
const opensOnTheExample = () =>
  !linkedStory() && !embedded() && guideStep(STEPS.length) === null && ["", "#read"].includes(location.hash);

/** When what is shown has been drawn; at the latest after a moment, since a tab in the background draws nothing. */
const painted = () =>
  new Promise((next) => {
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(next)));
    setTimeout(next, 500);
  });

/** The networks, then the first example. */
async function load() {
  await during(
    "models",
    async () => {
      set({ models: (await ask("models")).models });
      await (state.guide === null ? begin() : enter());
    },
    (fault) => {
      const line = $("asking-fault");
      line.hidden = false;
      line.textContent = explain(fault);
      set({ fault });
    },
  );
}
