// The engine of the page for series: questions about the chosen window go to the server.

import { post, reply } from "../engine/server.js";
import { Fault } from "../fault.js";

const PLACEHOLDER = /\[(\w+)\]/g; // what the words say of the kind's own steps
const NOT_SENT = ["text", "question"]; // of a text; here the window is said

let model = null; // the one that is shown
let chosen = {}; // the window: table, series, end, target, ahead

/** Takes the model of this id, or the first, as the one that the page shows; returns its id. Raises Fault if there is none. */
export function serves(models, id) {
  model = models.find((each) => each.id === id) ?? models[0] ?? null;
  if (!model) throw new Fault("no_models", "no model of series is served");
  return model.id;
}

/** The model that the page shows. */
export const shown = () => model;

/** Takes a window as the one that questions are about from now on. */
export const choose = (window) => (chosen = window);

/** The same as it is now. */
export const chosenWindow = () => chosen;

export const engine = {
  /** The reply to a question by name. Raises Fault for what is refused; the signal ends it. */
  async ask(name, body = {}, signal = undefined) {
    if (name === "models") return reply("../api/series/models", { signal });
    // The panel asks this of a network without gates; what the answer rests on stands in a section of its own here.
    if (name === "answer") return { tokens: [], listed: 0 };
    const told = Object.fromEntries(Object.entries(body).filter(([key]) => !NOT_SENT.includes(key)));
    return post(`../api/series/${name === "rests" ? "answer" : name}`, { ...chosen, model: model.id, ...told }, signal);
  },

  /** The page's words in a language, those of the model's kind before those of all series and those of texts. */
  async words(language) {
    const [texts, series] = await Promise.all([reply(`../words.${language}.json`), reply(`words.${language}.json`)]);
    const kind = series[model?.kind] ?? {};
    const merged = { ...texts, ...series.series, ...kind };
    const filled = (text) => text.replace(PLACEHOLDER, (whole, name) => kind[`noun.${name}`] ?? whole);
    return Object.fromEntries(Object.entries(merged).map(([key, text]) => [key, filled(text)]));
  },
};
