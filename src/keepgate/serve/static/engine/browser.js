// The engine of the page without a server: the networks run in a worker, or here where there can be none.

import { Fault } from "../fault.js";
import { answerOn } from "./worker.js";

/**
 * The engine. basics: characters, templates and each language's words and models. source: of the worker, as a script.
 * load: gives a language's networks.
 */
export function browserEngine({ basics, source, load }) {
  const port = openPort(source);
  const waiting = new Map();
  const loaded = new Map();
  let count = 0;
  port.postMessage({ kind: "basics", characters: basics.characters, templates: basics.templates });
  port.onmessage = ({ data: { id, reply, fault } }) => {
    const asked = waiting.get(id);
    waiting.delete(id);
    if (fault) asked?.reject(new Fault(fault.code, fault.message, fault.facts));
    else asked?.resolve(reply);
  };

  /** Has the networks of a language handed to the worker, once. */
  function need(language) {
    if (!loaded.has(language))
      loaded.set(
        language,
        load(language).then(
          (networks) => port.postMessage({ kind: "networks", networks }),
          (error) => {
            loaded.delete(language);
            throw error;
          },
        ),
      );
    return loaded.get(language);
  }

  return {
    words: async (language) => basics.words[language],

    async ask(name, body = {}, signal = undefined) {
      if (name === "models") return { models: basics.models, limits: basics.limits };
      const languages = [body.model, ...(body.models ?? [])].filter(Boolean).map((id) => id.split("/")[0]);
      await Promise.all([...new Set(languages)].map(need));
      signal?.throwIfAborted();
      return new Promise((resolve, reject) => {
        const id = (count += 1);
        waiting.set(id, { resolve, reject });
        signal?.addEventListener("abort", () => {
          waiting.delete(id);
          port.postMessage({ kind: "cancel", id });
          reject(signal.reason);
        });
        port.postMessage({ kind: "ask", id, name, body });
      });
    },
  };
}

/** A port to a worker of this source; where the browser allows none, to the same code in the page. */
function openPort(source) {
  try {
    return new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  } catch {
    const { port1, port2 } = new MessageChannel();
    answerOn(port2);
    return port1;
  }
}
