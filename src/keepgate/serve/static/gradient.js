// The page of the gradient: how much of what the answer teaches arrives so many tokens earlier, with two sliders.

import { linkedNumber } from "./address.js";
import { ask, during } from "./api.js";
import { $, announce, button, el, fill, note } from "./dom.js";
import { beforeTraining } from "./before-training.js";
import { drawCurves } from "./curves.js";
import { exampleLanguage } from "./vocabulary-note.js";
import { gradientTable } from "./gradient-table.js";
import { fullName } from "./names.js";
import { asked, on, state } from "./state.js";
import { explain, t } from "./words.js";

const LAGS = 200;
const [LOW, HIGH] = [-12, 2]; // decades that are always shown, so that lines move and not their frame

let bias = linkedNumber("bias", -8, 8) ?? 0;
let scale = linkedNumber("scale", 0, 8) ?? 1;
let lag = 100;
let when = "after"; // training; or "before" it, which says how far back it could learn
let reply = null;
let fault = null;
let shown = false;
let isMoved = false; // since the lines were last asked for
let settled = Promise.resolve();
let picture = null;

/** Lets the sliders work. */
export function startGradient() {
  document.addEventListener("page-turned", ({ detail }) => {
    shown = detail === "gradient";
    when = state.guide === null ? "after" : "before";
    if (shown) begin();
  });
  on(["models", "language", "along", "guide"], () => {
    reply = null;
    if (shown) begin();
  });
  new ResizeObserver(() => reply && draw()).observe($("gradients"));
}

/** The networks that learnt the examples, of their language, and those of which that is not known. */
function networks() {
  const spoken = exampleLanguage();
  return asked()
    .filter((each) => (each.language === spoken && each.form) || each.language === null)
    .map((each) => each.id);
}

function begin() {
  if (!state.models.length) return;
  build();
  draw(); // as it was, until it is known how it becomes
  fetchCurves();
}

/** The sliders, and places for what they change; made once, so that a slider is not lost while it is dragged. */
function build() {
  picture = el("div", { class: "picture" });
  fill(
    $("gradients"),
    choice(),
    el("p", { id: "gradient-fault", class: "fault", role: "alert", hidden: true }),
    picture,
    el(
      "div",
      { class: "sliders" },
      slider("bias", -8, 8, 0.25, bias, (value) => {
        bias = value;
        slid();
      }),
      slider("scale", 0, 8, 0.1, scale, (value) => {
        scale = value;
        slid();
      }),
      button(t("gradient.reset"), reset, { "data-keep": "reset" }),
      note(t("gradient.no_gate")),
    ),
    el("div", { class: "measured" }),
    slider("lag", 0, LAGS, 1, lag, (value) => {
      lag = value;
      draw();
    }),
    el("div", { id: "gradient-table" }),
  );
}

/** Whether the lines are those before training or after it. */
function choice() {
  const radio = (value) =>
    el(
      "label",
      { class: "inline" },
      el("input", { type: "radio", name: "when", value, checked: when === value, "data-keep": `when ${value}`, onchange: () => show(value) }),
      el("span", {}, t(`gradient.when.${value}`)),
    );
  return el("fieldset", { id: "gradient-when" }, el("legend", {}, t("gradient.when")), radio("before"), radio("after"));
}

function show(value) {
  when = value;
  draw();
}

function slider(name, min, max, step, value, moved) {
  const written = (number) =>
    t(name === "bias" && number === 0 ? "gradient.bias.trained" : `gradient.${name}.value`, {
      value:
        name === "lag"
          ? number
          : name === "bias"
            ? number < 0
              ? `−${-number}`
              : `+${number}`
            : `×${number}`,
    });
  const output = el("output", { "aria-live": "off", class: "number" }, written(value));
  const input = el("input", {
    type: "range",
    id: `gradient-${name}`,
    min,
    max,
    step,
    value,
    "aria-valuetext": written(value),
    "data-keep": name,
    oninput: (event) => {
      const now = Number(event.target.value);
      output.textContent = written(now);
      event.target.setAttribute("aria-valuetext", written(now));
      moved(now);
    },
  });
  return el(
    "p",
    { class: "slide" },
    el("label", { for: `gradient-${name}` }, t(`gradient.${name}`)),
    input,
    output,
  );
}

function reset() {
  [bias, scale] = [0, 1];
  begin();
}

/** Asks for the lines of where the sliders stand: at once, and again when they have been moved meanwhile. */
function slid() {
  isMoved = true;
  when = "after"; // the sliders move the trained networks
  $("gradient-when").querySelector("[value=after]").checked = true;
  settled = settled.finally(async () => {
    if (!isMoved) return;
    isMoved = false;
    await fetchCurves();
  });
}

/** Waits until the lines are those of where the sliders stand. */
export const redrawn = () => settled;

async function fetchCurves() {
  const models = networks();
  if (!models.length) return;
  await during(
    "gradient",
    async () => {
      reply = await ask("gradient", {
        models,
        forget_bias: bias,
        recurrent_scale: scale,
        lags: LAGS,
      });
      fault = null;
      draw();
      announce(t("gradient.drawn", { n: reply.lines.length }));
    },
    (failed) => {
      fault = failed;
      draw();
    },
  );
}

function draw() {
  const line = $("gradient-fault");
  if (!line) return;
  line.hidden = !fault;
  line.textContent = fault ? explain(fault) : "";
  if (!reply || !picture) return;
  const width = Math.max(280, Math.floor(picture.clientWidth));
  const begun = reply.lines.map(({ model: id }) => beforeTraining(id, reply.lags));
  const before = reply.lines.map((line, k) => ({ ...line, values: begun[k] ?? line.values.map(() => null) }));
  fill(
    picture,
    drawCurves({
      ...reply,
      ...(when === "before" ? { lines: before } : { begun }),
      at: nearest(),
      width,
      least: LOW,
      most: HIGH,
      names: reply.lines.map(({ model: id }) => fullName(id)),
      x: t("gradient.x"),
      y: t("gradient.y"),
      label: t("gradient.picture"),
      picked: pick,
    }),
  );
  const measured = [t("gradient.story", { text: reply.story }), t(`gradient.story.${when}`), t("lengthen.chrono")];
  const place = document.querySelector(".measured");
  if (place.textContent !== measured.join("")) fill(place, measured.map(note));
  fill($("gradient-table"), gradientTable({ ...reply, before, at: nearest(), isBefore: when === "before" }));
}

/** Has a slider stand on a value, as if it were dragged there. */
export function slideTo(name, value) {
  const input = $(`gradient-${name}`);
  input.value = String(value);
  input.dispatchEvent(new Event("input"));
}

/** Reads the lines where the picture was pressed. */
const pick = (value) => slideTo("lag", Math.round(value));

const nearest = () =>
  reply.lags.reduce((best, each) => (Math.abs(each - lag) < Math.abs(best - lag) ? each : best));
