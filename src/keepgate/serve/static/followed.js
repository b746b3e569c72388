// What became of the write that is followed, under the changes that are made.

import { isLast, reading, state, strip } from "./state.js";

/** Whether every token that is read after it may erase nothing. */
export function isHeld({ token }) {
  if (!isLast() || state.drop.length || state.remove.length) return false;
  const { reverse } = strip();
  return reading().tokens.every((_, k) => (reverse ? k >= token : k <= token) || state.keep.includes(k));
}

/** The engine's reply about the write; where nothing may erase it, all of it is left, whatever the gates would have done. */
export function followed() {
  const { retention, explained } = state;
  if (!retention?.size || explained?.token === undefined || !isHeld(explained)) return retention;
  const isThere = (k) => (strip().reverse ? k <= explained.token : k >= explained.token);
  return { ...retention, at_end: 1, erasers: [], left: retention.left.map((_, k) => (isThere(k) ? 1 : 0)) };
}
