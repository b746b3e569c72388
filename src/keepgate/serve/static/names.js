// What a network is called on the page.

import { model } from "./state.js";
import { has, t } from "./words.js";

/** A network's name and what is special about it, in the reader's language where we shipped it, else its own. */
export function nameOf(id) {
  const known = model(id);
  if (!known) return { name: id, note: "" };
  const note =
    known.shipped && known.note && has(`note.${known.note}`) ? t(`note.${known.note}`) : (known.note ?? "");
  return { name: known.name, note };
}

/** Both in one line. */
export function fullName(id) {
  const { name, note } = nameOf(id);
  return note ? t("network.full", { name, note }) : name;
}
