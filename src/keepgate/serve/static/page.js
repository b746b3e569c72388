// The page: words, networks, an example that is read already; and which of the two pages is shown.

import { startAddress } from "./address.js";
import { answerBy, ask, during } from "./api.js";
import { startAnswers } from "./answers.js";
import { closeExplained, explainToken } from "./explain.js";
import { $ } from "./dom.js";
import { startGradient } from "./gradient.js";
import { startKeys } from "./keys.js";
import { startVocabularyNote } from "./vocabulary-note.js";
import { startLengthen } from "./lengthen.js";
import { startPanel } from "./panel.js";
import { startLayerSelect } from "./layer-select.js";
import { set } from "./state.js";
import { startEquationPlayer } from "./equation-player.js";
import { begin, startStory } from "./story.js";
import { startStrip } from "./strip-view.js";
import { startWhatIf, toggle } from "./what-if.js";
import { explain, firstLanguage, speak, startWords } from "./words.js";

function turn() {
  const gradient = location.hash === "#gradient";
  $("read-page").hidden = gradient;
  $("gradient-page").hidden = !gradient;
  $("to-read").setAttribute("aria-current", gradient ? "false" : "page");
  $("to-gradient").setAttribute("aria-current", gradient ? "page" : "false");
  document.querySelector(".skip").hidden = gradient; // it leads to what is not there
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
      await begin();
    },
    (fault) => {
      const line = $("asking-fault");
      line.hidden = false;
      line.textContent = explain(fault);
      set({ fault });
    },
  );
}
