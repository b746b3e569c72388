// From the gates to today's models: the same equation, in which the gate sees the state or does not.

import { written } from "./equations.js";
import { $, el, fill, shape } from "./dom.js";
import { on } from "./state.js";
import { t } from "./words.js";

// Each with its memory's equation, the gate that keeps, whether that gate sees what the network showed a step before, and
// whether it is folded away at first.
export const KINDS = [
  { name: "lstm", memory: "cₜ = f ⊙ cₜ₋₁ + i ⊙ g", gate: "f = σ(W_f xₜ + U_f hₜ₋₁ + b_f)", seesState: true },
  { name: "mingru", memory: "hₜ = (1 − z) ⊙ hₜ₋₁ + z ⊙ n", gate: "z = σ(W_z xₜ + b_z)", seesState: false },
  { name: "ssm", memory: "hₜ = aₜ ⊙ hₜ₋₁ + bₜ ⊙ xₜ", gate: "aₜ = exp(Δₜ A), Δₜ = softplus(W xₜ + b)", seesState: false, folded: true },
];
const STEPS = 4; // in a picture
const [WIDTH, HEIGHT, MAIN, WORDS] = [320, 150, 52, 128]; // of a picture; where its memory runs, and its words stand
const DOOR = [14, 30]; // its width and height

/** Shows the three side by side. */
export function startBridge() {
  on(["language"], show);
}

function show() {
  fill(
    $("bridge-kinds"),
    KINDS.map(({ name, memory, gate, seesState, folded }) => {
      const head = el("h3", {}, t(`bridge.${name}`));
      const what = [
        picture(seesState),
        [memory, gate].map((text) => el("p", { class: "formula" }, written(text))),
        el("p", {}, t(`bridge.${name}.what`)),
      ];
      return el("li", {}, folded ? el("details", {}, el("summary", {}, head), what) : [head, what]);
    }),
  );
}

/** The memory running through a door at each word, with what opens each door, and in which round it can be opened. */
function picture(seesState) {
  const label = t(seesState ? "bridge.picture.turns" : "bridge.picture.once");
  const svg = shape("svg", { class: "ways", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  svg.append(path(`M0 ${MAIN}H${WIDTH}`, "main"));
  const column = WIDTH / STEPS;
  for (let k = 0; k < STEPS; k += 1) {
    const x = (k + 0.5) * column;
    const low = MAIN + DOOR[1] / 2;
    svg.append(
      shape("rect", { class: "door", x: x - DOOR[0] / 2, y: MAIN - DOOR[1] / 2, width: DOOR[0], height: DOOR[1], rx: 3 }),
      path(`M${x} ${WORDS - 16}V${low + 4}m-4 6l4 -6l4 6`, "side"),
      text("x" + "₁₂₃₄"[k], x, WORDS),
      text(t("bridge.round", { n: seesState ? k + 1 : 1 }), x, 16),
    );
    // What was on screen a word before: from the memory after the last door, down and up to this one.
    if (seesState && k) svg.append(path(`M${x - column / 2} ${MAIN}v44h${column / 2 - 12}l8 -26m-7 4l7 -4l1 8`, "state"));
  }
  return svg;
}

export const path = (d, kind) => shape("path", { class: kind, d });

export function text(content, x, y) {
  const element = shape("text", { x, y });
  element.textContent = content;
  return element;
}
