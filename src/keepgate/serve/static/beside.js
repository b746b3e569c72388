// An LSTM's gatekeepers and a GRU's side by side, in letters: what the GRU saves.

import { embedded } from "./address.js";
import { $, el, fill, shape } from "./dom.js";
import { DOORS, gatekeepers } from "./gatekeepers.js";
import { on } from "./state.js";
import { t } from "./words.js";

const WIDTH = 400; // of each picture

/** The two pictures, each with what it shows. */
export const cellsBeside = () => el("div", { class: "beside" }, ["lstm", "gru"].map(picture));

function picture(cell) {
  const label = t(`beside.${cell}`);
  const svg = shape("svg", { class: "film", viewBox: `0 0 ${WIDTH} ${DOORS}`, role: "img", "aria-label": label });
  svg.append(...gatekeepers({ cell, parts: PARTS[cell](), width: WIDTH }));
  return el("figure", {}, svg, el("figcaption", { class: "note" }, label));
}

const door = (name, letter = name) => ({ name, letter });
const box = (name, letter) => ({ name: t(`film.${name}`), letter });

const PARTS = {
  lstm: () => ({
    ...{ before: box("before", "cₜ₋₁"), g: box("subplot", "g"), now: box("now", "cₜ"), shown: box("screen", "hₜ") },
    ...{ f: door("f"), i: door("i"), o: door("o") },
  }),
  gru: () => ({
    ...{ before: box("before", "hₜ₋₁"), n: box("subplot", "n"), now: box("screen", "hₜ") },
    ...{ z: door("z"), r: door("r"), write: door("1 − z", "write") },
  }),
};

/** Shows the two where the address wants them alone. */
export function startBeside() {
  if (embedded() !== "beside") return;
  $("beside").hidden = false;
  on(["language"], () => fill($("beside"), cellsBeside()));
}
