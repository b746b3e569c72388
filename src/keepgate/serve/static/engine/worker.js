// Runs in a worker of its own, so that the page never waits: networks come in, questions are answered one after the other.

import { Fault } from "../fault.js";
import { PointerReader } from "./pointer.js";
import { Reader } from "./reader.js";
import { Replies } from "./replies.js";
import { useTemplates } from "./stories.js";
import { useCharacters } from "./text.js";

const BREATH = 30; // milliseconds of work after which cancelled and other questions are looked at

/** Answers the messages of a port: "networks" adds some, "ask" asks, "cancel" lets go of a question. Says first that it is ready. */
export function answerOn(port) {
  const readers = new Map();
  const replies = new Replies(readers);
  const cancelled = new Set();
  const handlers = {
    basics({ characters, templates }) {
      useCharacters(characters);
      useTemplates(templates);
    },
    networks: ({ networks }) => networks.forEach((each) => readers.set(each.model.id, readerOf(each))),
    cancel: ({ id }) => cancelled.add(id),
    async ask({ id, name, body }) {
      const breathe = breathing(() => cancelled.has(id));
      try {
        await breathe(true);
        port.postMessage({ id, reply: await replies.ask(name, body, breathe) });
      } catch (error) {
        if (error === GONE) return;
        const { code = "bug", facts = {} } = error instanceof Fault ? error : {};
        port.postMessage({ id, fault: { code, message: String(error.message), facts } });
      } finally {
        cancelled.delete(id);
      }
    },
  };
  port.onmessage = ({ data }) => handlers[data.kind](data);
  port.postMessage({ kind: "ready" });
}

const readerOf = (network) => new (network.model.kind === "pointer-reader" ? PointerReader : Reader)(network);

const GONE = Symbol("nobody waits for it");

/** Lets other messages in where some work has been done; throws once nobody waits for the answer. */
function breathing(isGone) {
  let last = performance.now();
  return async (now = false) => {
    if (!now && performance.now() - last < BREATH) return;
    await new Promise((next) => setTimeout(next));
    if (isGone()) throw GONE;
    last = performance.now();
  };
}
