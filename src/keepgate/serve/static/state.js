// The page's state, in one place. Whoever shows a part of it listens to the names it depends on.

export const state = {
  models: [], // what the server serves
  text: "", // what was read, as it stood in the form then
  question: "",
  expected: null, // the example's answer, while the form holds the example
  readings: [], // one a network, in the order asked for
  fault: null, // why there are none
  preset: null, // which ready example it is: "mind", of a changed mind, or "pupils", of two
  busy: false,
  beforehand: false, // whether the readings were computed when the page was written
  guide: null, // the step of the guided mode, from 1; null in the free one
  along: false, // whether the networks that came along are asked beside one's own
  textbook: false, // whether an LSTM's letters are z, zⁱ, zᶠ, zᵒ in place of g, i, f, o
  chosen: null, // the network that is looked into, by id
  layerIndex: 0, // which of its layers and directions, as a number in its strips
  at: null, // the token that the reader stands on
  unit: null, // of the layer, whose numbers are shown step by step; null for the mean of all
  length: 0, // characters of the longer story that the slider stands on; 0 for the shortest
  explained: null, // what is explained: null, "answer", or { token, unit }
  retention: null, // the server's reply about that token
  origin: null, // the server's reply about the answer
  explainFault: null, // why it cannot be explained
  remove: [], // tokens that are taken out whole
  drop: [], // tokens that are read but write nothing
  keep: [], // tokens at which nothing may be erased
  changed: null, // the answer under these changes
  changedFault: null,
};

const listeners = [];

/** Changes some of it, then tells everyone who depends on a name that changed, once each. */
export function set(patch) {
  const changed = Object.keys(patch).filter((name) => !Object.is(state[name], patch[name]));
  Object.assign(state, patch);
  if (!changed.length) return;
  for (const { names, act } of listeners) if (names.some((name) => changed.includes(name))) act();
}

/** Calls `act` whenever one of these names changes. */
export function on(names, act) {
  listeners.push({ names, act });
}

/** Lets those who start now begin to listen, and tells each of them once what there is already. */
export function startLater(start) {
  const before = listeners.length;
  start();
  for (const { act } of listeners.slice(before)) act();
}

/** The kinds of change that can be made at a token. */
export const CHANGES = ["remove", "drop", "keep"];

/** The keys that make one, in lower case. */
export const CHANGE_KEYS = { x: "remove", delete: "remove", w: "drop", k: "keep" };

/** Whether a change of some kind is made at any token. */
export const isChanged = () => CHANGES.some((kind) => state[kind].length);

/** Whether a network's memory is a sum of writes that gates let in, so that one of them can be followed or left out. */
export const isGated = (id) => (model(id)?.gates.length ?? 0) > 0;

/** The networks that are asked: in the guide those that came along, else one's own alone until the others are wanted too. */
export function asked() {
  if (state.guide !== null) return state.models.filter(({ shipped }) => shipped);
  const own = state.models.filter(({ shipped }) => !shipped);
  return own.length && !state.along ? own : state.models;
}

export const model = (id) => state.models.find((each) => each.id === id) ?? null;

/** The reading of the network that is looked into; null if there is none, or it failed. */
export function reading() {
  const chosen = state.readings.find(({ model: id }) => id === state.chosen);
  return chosen && !chosen.error ? chosen : null;
}

/** The layer and direction that is looked at, with its gates over the tokens. */
export const strip = () => reading()?.strips[Math.min(state.layerIndex, reading().strips.length - 1)] ?? null;

/** The number of the last layer's forward direction, which reads as the reader does. */
export const lastForward = () => Math.max(0, reading()?.strips.findLastIndex(({ reverse }) => !reverse) ?? 0);

/** The unit to look at first: of the example of a changed mind the one that forgets most. */
export const firstUnit = () => (state.preset === "mind" ? strip()?.forgetting : null) ?? strip()?.telling ?? null;

/** Whether that layer is the last, in which changes are made. */
export const isLast = () => strip()?.layer === reading()?.strips.at(-1).layer;

/** What every question about the chosen network's reading says. */
export const question = () => ({ text: state.text, question: state.question, model: state.chosen });

/** All of an explanation and of its changes gone, for another reading or network. */
export const UNEXPLAINED = { at: null, explained: null, retention: null, origin: null, explainFault: null, changed: null };
