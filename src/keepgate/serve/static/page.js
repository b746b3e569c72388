// The page's first picture: its words, the form, and an example that is read already. What comes after it is fetched meanwhile.

import { embedded, guideStep, linkedStory, startAddress } from "./address.js";
import { answerBy, ask, during, prepare, readBeforehand } from "./api.js";
import { startAnswers } from "./answers.js";
import { $ } from "./dom.js";
import { exampleLanguage, startVocabularyNote } from "./vocabulary-note.js";
import { breath, painted } from "./later.js";
import { startLayerSelect } from "./layer-select.js";
import { on, set } from "./state.js";
import { showBeforehand, startStory } from "./story.js";
import { measureStrip, startStrip } from "./strip-view.js";
import { explain, firstLanguage, language, speak, startWords } from "./words.js";

/** Starts the page, whose questions an engine answers. fetchRest: gives what `rest.js` exports. */
export async function start(engine, fetchRest) {
  await breath(); // or the browser would lay out what is half there
  answerBy(engine);
  startAddress();
  measureStrip();
  startWords();
  on(["language"], () => ($("to-sheet").href = `sheet.html#${language()}`));
  await speak(firstLanguage());
  let fetchNow;
  const rest = new Promise((resolve) => (fetchNow = resolve)).then(fetchRest);
  startFirst(actsOf(rest));
  if (opensOnTheExample() && readBeforehand(exampleLanguage())) {
    set({ models: (await ask("models")).models });
    showBeforehand();
    fetchNow();
    await painted();
    rest.then(() => prepare(exampleLanguage()), () => {}); // its networks, while the rest starts
  }
  fetchNow();
  await during(
    "models",
    async () => {
      const { startRest } = await rest;
      await startRest();
    },
    (fault) => {
      const line = $("asking-fault");
      line.hidden = false;
      line.textContent = explain(fault);
      set({ fault });
    },
  );
}

function startFirst(act) {
  startStory();
  startVocabularyNote();
  startAnswers(act("showAnswer"));
  startLayerSelect();
  startStrip({ opened: act("explainToken"), toggled: act("toggle"), closed: act("closeExplained") });
}

/** The acts of what comes later, by name: each at once where it is there, else when it has come. */
function actsOf(rest) {
  let acts = null;
  rest.then(
    (come) => (acts = come.acts),
    () => {}, // whoever waits for the rest says so
  );
  return (name) =>
    (...given) =>
      acts ? acts[name](...given) : rest.then((come) => come.acts[name](...given));
}

/** Whether the address names nothing but the page. */
const opensOnTheExample = () =>
  !linkedStory() && !embedded() && guideStep(Infinity) === null && ["", "#read"].includes(location.hash);
