// The engine of the page without a server: the networks run in a worker, or here where there can be none.

import { Fault } from "../fault.js";

/**
 * The engine, opened when it is first asked. basics: characters, templates and each language's words and models. worker: gives
 * { source, answerOn }, the worker as a script and as a function of a port. load: gives a language's networks, each
 * with its model's id.
 */
export function browserEngine({ basics, worker, load }) {
  const waiting = new Map();
  const loaded = new Map();
  let count = 0;
  let opened = null;

  /** The port to the networks. */
  function open() {
    opened ??= worker()
      .then(openPort)
      .then(
        (port) => {
          port.postMessage({ kind: "basics", characters: basics.characters, templates: basics.templates });
          port.onmessage = ({ data: { id, reply, fault } }) => {
            const asked = waiting.get(id);
            waiting.delete(id);
            if (fault) asked?.reject(new Fault(fault.code, fault.message, fault.facts));
            else asked?.resolve(reply);
          };
          return port;
        },
        (error) => {
          opened = null;
          throw error;
        },
      );
    return opened;
  }

  /** A network with what the page knows of its model, in place of the id. */
  const described = (network) => ({ ...network, model: basics.models.find(({ id }) => id === network.model) });

  /** Has the networks of a language handed to the worker, once. */
  function need(language) {
    if (!loaded.has(language))
      loaded.set(
        language,
        Promise.all([open(), load(language)]).then(
          ([port, networks]) => port.postMessage({ kind: "networks", networks: networks.map(described) }),
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

    worksAhead: true, // nobody else asks the worker anything

    /** Has a language's networks ready for a later question. */
    prepare: need,

    /** What the networks say of the first example in a language, as it was read when the page was written. */
    beforehand: (language) => basics.beforehand[language],

    async ask(name, body = {}, signal = undefined) {
      if (name === "models") return { models: basics.models };
      const languages = [body.model, ...(body.models ?? [])].filter(Boolean).map((id) => id.split("/")[0]);
      const [port] = await Promise.all([open(), ...[...new Set(languages)].map(need)]);
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

/**
 * A port to a worker of this source; where the browser allows none, to the same code in the page. A worker that the page's
 * policy forbids is made all the same and fails later: one that can work says so first.
 */
async function openPort({ source, answerOn }) {
  try {
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    await new Promise((resolve, reject) => Object.assign(worker, { onmessage: resolve, onerror: reject }));
    return worker;
  } catch {
    const { port1, port2 } = new MessageChannel();
    answerOn(port2);
    return port1;
  }
}
