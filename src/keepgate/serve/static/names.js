// What a network and its gates are called on the page.

import { model } from "./state.js";
import { has, language, t } from "./words.js";

/** What a gate's letter means, in the reader's language; the letter itself if the cell does not say. */
export const gateName = (id, letter) =>
  model(id)?.letters[language() === "zh-TW" ? "zh" : "en"][letter] || letter;

/** A network's name and what is special about it, in the reader's language where we shipped it, else its own. */
export function nameOf(id) {
  const network = model(id);
  if (!network) return { name: id, note: "" };
  const key = `note.${network.note}`;
  return { name: network.name, note: network.shipped && has(key) ? t(key) : (network.note ?? "") };
}

/** Both in one line. */
export function fullName(id) {
  const { name, note } = nameOf(id);
  return note ? t("network.full", { name, note }) : name;
}
