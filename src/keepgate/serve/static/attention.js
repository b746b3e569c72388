// Attention as a picture: all frames are kept, and from the question lines go back to each of them.

import { path, text } from "./bridge.js";
import { el, shape } from "./dom.js";
import { t } from "./words.js";

const FRAMES = 5;
const [COLUMN, LOW, SIDE] = [56, 116, 36]; // a frame's place, the middle of the row, and a frame's width

/** The picture with what it shows. */
export function attention() {
  const label = t("guide.8.picture");
  const svg = shape("svg", { class: "ways looks", viewBox: `0 0 ${(FRAMES + 1) * COLUMN} 140`, role: "img", "aria-label": label });
  const middle = (k) => (k + 0.5) * COLUMN;
  const top = LOW - SIDE / 2;
  for (let k = 0; k < FRAMES; k += 1) {
    const [from, to] = [middle(FRAMES), middle(k)];
    svg.append(path(`M${from} ${top}Q${(from + to) / 2} ${top - 0.6 * (from - to)} ${to} ${top - 3}`, "main"));
  }
  for (let k = 0; k <= FRAMES; k += 1) {
    svg.append(shape("rect", { class: "door", x: middle(k) - SIDE / 2, y: top, width: SIDE, height: SIDE, rx: 3 }));
    svg.append(text(k < FRAMES ? `h${"₁₂₃₄₅"[k]}` : t("strip.asked"), middle(k), LOW));
  }
  return el("figure", {}, svg, el("figcaption", { class: "note" }, label));
}
