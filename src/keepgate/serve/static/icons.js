// The signs on the player's buttons, drawn: letters for them are missing from many fonts.

import { shape } from "./dom.js";

const ICONS = {
  back: "M4 3v10M13 3L6 8l7 5z",
  forward: "M12 3v10M3 3l7 5-7 5z",
  play: "M4 2.5l9 5.5-9 5.5z",
  pause: "M5 3v10M11 3v10",
};

/** A sign for a button that says in words what it does. */
export const icon = (name) =>
  shape(
    "svg",
    { class: "icon", viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" },
    shape("path", { d: ICONS[name] }),
  );
