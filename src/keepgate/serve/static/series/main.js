// The page for series: a forecaster or a series classifier, one at a time, over a window that the visitor chooses.

import { answerBy, ask } from "../api.js";
import { $ } from "../dom.js";
import { startEquationPlayer } from "../equation-player.js";
import { Fault } from "../fault.js";
import { startKeys } from "../keys.js";
import { startLayerSelect } from "../layer-select.js";
import { startPanel } from "../panel.js";
import { set, startLater } from "../state.js";
import { startWhatIf } from "../what-if.js";
import { explain, firstLanguage, speak, startWords } from "../words.js";
import { startAnswer } from "./answer.js";
import { engine, serves, shown } from "./engine.js";
import { begin, startForm } from "./form.js";
import { startRests } from "./rests.js";
import { startStrip } from "./strip.js";

const PARTS = [startForm, startAnswer, startLayerSelect, startStrip, startPanel, startWhatIf, startRests, startEquationPlayer, startKeys];

answerBy(engine);
startWords();
try {
  const { models } = await ask("models");
  const chosen = serves(models, new URLSearchParams(location.search).get("model"));
  document.body.dataset.kind = shown().kind;
  await speak(firstLanguage());
  PARTS.forEach(startLater);
  set({ models, chosen });
  await begin();
} catch (fault) {
  if (!(fault instanceof Fault)) throw fault;
  await speak(firstLanguage());
  $("asking-fault").hidden = false;
  $("asking-fault").textContent = explain(fault);
}
