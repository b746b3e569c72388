// Questions to the engine. Of two in one lane only the later counts; what goes wrong is a Fault with a code.

import { Fault } from "./fault.js";

const TIMEOUT = 20_000; // milliseconds; the server's own limit is shorter

/** A reply that nobody waits for any more. */
export class Stale extends Error {}

const lanes = new Map();
let engine = null; // who answers: the server, or the networks in this page

/** Lets an engine answer from now on. */
export function answerBy(chosen) {
  engine = chosen;
}

/** The page's words in a language, as the engine has them. */
export const wordsIn = (language) => engine.words(language);

/** The first example in a language with its readings, computed when the page was written; null from a server. */
export const readBeforehand = (language) => engine.beforehand?.(language) ?? null;

/** Has a language's networks ready, where they are to be loaded; one that cannot be is found missing when it is asked. */
export const prepare = (language) => engine.prepare?.(language).catch(() => {});

/** Has an engine that would be idle else work on a question that will be asked; whoever asks it then gets the same reply. */
export const askAhead = (name, body, lane = "ahead") => engine.worksAhead && ask(name, body, lane).catch(() => {});

/** Lets go of what is under way in some lanes: its reply is about what is no longer shown. */
export function forget(...names) {
  for (const name of names) {
    lanes.get(name)?.abort(new Stale(name));
    lanes.delete(name);
  }
}

/** The engine's reply to a question by name. Raises Stale if the lane was asked again meanwhile, Fault for all else. */
export async function ask(name, body, lane = name) {
  forget(lane);
  const controller = new AbortController();
  lanes.set(lane, controller);
  const clock = setTimeout(() => controller.abort(new Fault("timeout", "no reply")), TIMEOUT);
  try {
    const reply = await engine.ask(name, body, controller.signal);
    if (lanes.get(lane) !== controller) throw new Stale(lane);
    return reply;
  } catch (error) {
    if (lanes.get(lane) !== controller) throw new Stale(lane);
    if (error instanceof Fault || error instanceof Stale) throw error;
    throw new Fault("offline", String(error));
  } finally {
    clearTimeout(clock);
    if (lanes.get(lane) === controller) lanes.delete(lane);
  }
}

/** Runs a question; a stale reply ends it silently, a Fault is handed to `failed`. The time it took is a measure named after it. */
export async function during(name, work, failed) {
  const start = performance.now();
  try {
    await work();
  } catch (error) {
    if (error instanceof Stale) return;
    if (!(error instanceof Fault)) throw error;
    failed(error);
  }
  requestAnimationFrame(() => performance.measure(`keepgate ${name}`, { start, end: performance.now() }));
}
