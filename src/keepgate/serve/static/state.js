// What the page knows, in one place. Whoever shows a part of it listens to the names it depends on.

const known = {
  models: [], // what the server serves
  limits: null,
  text: "", // what was read, as it stood in the form then
  question: "",
  expected: null, // the example's answer, while the form holds the example
  readings: [], // one a network, in the order asked for
  fault: null, // why there are none
  busy: false,
  chosen: null, // the network that is looked into, by id
  place: 0, // which of its layers and directions, as a number in its strips
  at: null, // the token that the reader stands on
  open: null, // what is explained: null, "answer", or { token, unit }
  fate: null, // the server's reply about that token
  carriers: null, // the server's reply about the answer
  openFault: null, // why it cannot be explained
  drop: [], // tokens whose writes are left out
  keep: [], // tokens at which nothing may be erased
  changed: null, // the answer under these changes
  changedFault: null,
};

const listeners = [];

export const state = known;

/** Changes some of it, then tells everyone who depends on a name that changed, once each. */
export function set(patch) {
  const changed = Object.keys(patch).filter((name) => !Object.is(known[name], patch[name]));
  Object.assign(known, patch);
  if (!changed.length) return;
  for (const { names, act } of listeners) if (names.some((name) => changed.includes(name))) act();
}

/** Calls `act` whenever one of these names changes. */
export function on(names, act) {
  listeners.push({ names, act });
}

/** Whether a network's memory is a sum of writes that gates let in, so that one of them can be followed or left out. */
export const isGated = (id) => (model(id)?.gates.length ?? 0) > 0;

export const model = (id) => known.models.find((each) => each.id === id) ?? null;

/** The reading of the network that is looked into; null if there is none, or it failed. */
export function reading() {
  const found = known.readings.find((each) => each.model === known.chosen);
  return found && !found.error ? found : null;
}

/** The layer and direction that is looked at, with its gates over the tokens. */
export const strip = () => reading()?.strips[Math.min(known.place, reading().strips.length - 1)] ?? null;
