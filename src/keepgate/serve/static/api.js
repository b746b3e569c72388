// Questions to the server. Of two in one lane only the later counts; what goes wrong is a Fault with a code.

const TIMEOUT = 20_000; // milliseconds; the server's own limit is shorter

/** What the server refused or the network lost: a code that words.js knows, and the numbers for its sentence. */
export class Fault extends Error {
  constructor(code, message, facts = {}) {
    super(message);
    this.code = code;
    this.facts = facts;
  }
}

/** A reply that nobody waits for any more. */
export class Stale extends Error {}

const lanes = new Map();

/** Lets go of what is under way in some lanes: its reply is about what is no longer shown. */
export function forget(...names) {
  for (const name of names) {
    lanes.get(name)?.abort(new Stale(name));
    lanes.delete(name);
  }
}

/** The server's reply. Raises Stale if the lane was asked again meanwhile, Fault for everything else. */
export async function ask(lane, path, body) {
  forget(lane);
  const controller = new AbortController();
  lanes.set(lane, controller);
  const clock = setTimeout(() => controller.abort(new Fault("timeout", "no reply")), TIMEOUT);
  try {
    const reply = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: controller.signal,
    });
    const content = await reply.json().catch(() => null);
    if (lanes.get(lane) !== controller) throw new Stale(lane);
    if (!reply.ok)
      throw new Fault(
        content?.code ?? `http_${reply.status}`,
        content?.error ?? reply.statusText,
        content?.facts ?? {},
      );
    if (content === null) throw new Fault("no_json", "the reply was no JSON");
    return content;
  } catch (error) {
    if (error instanceof Fault || error instanceof Stale) throw error;
    if (lanes.get(lane) !== controller) throw new Stale(lane);
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
