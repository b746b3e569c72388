// The page: words, networks, an example that is read already; and which of the two pages is shown.

import { startAddress } from "./address.js";
import { answerBy, ask, during } from "./api.js";
import { startAnswers } from "./answers.js";
import { closeExplained, explainToken } from "./explain.js";
import { $ } from "./dom.js";
import { startGradient } from "./gradient.js";
import { enter, guidesToGradient, startGuide, turnGuide } from "./guide.js";
import { startKeys } from "./keys.js";
import { startVocabularyNote } from "./vocabulary-note.js";
import { startLengthen } from "./lengthen.js";
import { startPanel } from "./panel.js";
import { startLayerSelect } from "./layer-select.js";
import { set, state } from "./state.js";
import { startEquationPlayer } from "./equation-player.js";
import { begin, startStory } from "./story.js";
import { startStrip } from "./strip-view.js";
import { startWhatIf, toggle } from "./what-if.js";
import { explain, firstLanguage, speak, startWords } from "./words.js";

function turn() {
  turnGuide();
  const guided = state.guide !== null;
  const gradient = guided ? guidesToGradient() : location.hash === "#gradient";
  $("read-page").hidden = gradient;
  $("gradient-page").hidden = !gradient;
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
  await speak(firstLanguage());
  startStory();
  startVocabularyNote();
  startAnswers();
  startLayerSelect();
  startStrip({ opened: explainToken, toggled: toggle, closed: closeExplained });
  startPanel();
  startWhatIf();
  startEquationPlayer();
  startLengthen();
  startGradient();
  startGuide();
  startKeys();
  addEventListener("hashchange", turn);
  turn();
  await load();
}

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
