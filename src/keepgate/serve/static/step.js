// The story token by token: forget, select, output, each lit in the equations with its numbers.

import { ask, during, forget } from "./api.js";
import { $, el, fill } from "./dom.js";
import { phasesOf, withNumbers, written } from "./equations.js";
import { icon } from "./icons.js";
import { whileSeen } from "./seen.js";
import { model, on, reading, set, state, strip } from "./state.js";
import { explain, t } from "./words.js";

const PACES = { slow: 1500, normal: 600, fast: 150 }; // milliseconds a phase
const AROUND = 6; // tokens shown before and after the one that is read

let values = null; // the server's reply
let fault = null;
let unit = null; // null is the mean of all
let token = 0;
let phase = 0;
let pace = "normal";
let clock = null; // while it plays

/** Lets the player work. */
export function startStep() {
  const seen = whileSeen($("step"), fetchValues);
  const begin = () => {
    stop();
    forget("values");
    [values, fault, token, phase, unit] = [null, null, 0, 0, null];
    show();
    if (reading()) seen.touch();
  };
  on(["readings", "chosen", "place"], begin);
  on(["language"], show);
  on(["at"], follow);
}

/** Goes to the token that the reader stands on. */
function follow() {
  if (!reading() || state.at === null || state.at === order()[token]) return;
  [token, phase] = [order().indexOf(state.at), 0];
  turn();
}

async function fetchValues() {
  if (!reading()) return;
  const { layer, reverse } = strip();
  await during(
    "values",
    async () => {
      values = await ask("values", "/api/values", {
        text: state.text,
        question: state.question,
        model: state.chosen,
        layer,
        reverse,
        unit,
      });
      fault = null;
      show();
    },
    (failed) => {
      fault = failed;
      show();
    },
  );
}

const phases = () => phasesOf(model(state.chosen)?.equations ?? []);
const order = () =>
  strip().reverse
    ? reading().tokens.map((_, k) => reading().tokens.length - 1 - k)
    : reading().tokens.map((_, k) => k);

/** Makes the player anew. */
function show() {
  if (!reading()) return fill($("player"));
  if (fault) return fill($("player"), el("p", { class: "fault" }, explain(fault)));
  return fill($("player"), ribbon(), controls(), equations());
}

/** Shows another token or phase, and leaves the controls, one of which may be dragged. */
function turn() {
  const host = $("player");
  if (!reading() || !host.querySelector(".controls")) return;
  host.querySelector(".ribbon").replaceWith(ribbon());
  host.querySelector(".equations").replaceWith(equations());
  const seek = host.querySelector(".seek input");
  seek.value = String(token);
  seek.setAttribute("aria-valuetext", now());
  const play = host.querySelector('[data-keep="step play"]');
  play.replaceChildren(icon(clock === null ? "play" : "pause"));
  play.setAttribute("aria-label", t(clock === null ? "step.play" : "step.pause"));
}

const now = () =>
  t("step.now", { token: reading().tokens[order()[token]], k: token + 1, n: reading().tokens.length });

/** The tokens around the one that is read. */
function ribbon() {
  const { tokens } = reading();
  const places = order();
  const shown = [];
  for (let k = token - AROUND; k <= token + AROUND; k += 1) {
    const text = tokens[places[k]] ?? "";
    shown.push(el("span", { class: k === token ? "now" : k < token ? "past" : "next" }, text));
  }
  return el("p", { class: "ribbon", role: "img", "aria-label": now() }, shown);
}

function controls() {
  const button = (name, act, sign) =>
    el(
      "button",
      {
        type: "button",
        "data-keep": `step ${name}`,
        "aria-label": t(`step.${name}`),
        title: t(`step.${name}`),
        onclick: act,
      },
      sign,
    );
  return el(
    "div",
    { class: "controls" },
    button("back", () => go(token - 1, 0), icon("back")),
    button("play", () => (clock === null ? play() : pause()), icon(clock === null ? "play" : "pause")),
    button("phase", () => (clock === null ? advance() : pause()), t("step.phase.sign")),
    button("forward", () => go(token + 1, 0), icon("forward")),
    el(
      "label",
      { class: "seek" },
      el("span", { class: "unseen" }, t("step.seek")),
      el("input", {
        type: "range",
        min: 0,
        max: reading().tokens.length - 1,
        value: token,
        "data-keep": "seek",
        "aria-valuetext": now(),
        oninput: (event) => go(Number(event.target.value), 0),
      }),
    ),
    el(
      "label",
      { class: "inline" },
      el("span", {}, t("step.pace")),
      " ",
      el(
        "select",
        { "data-keep": "pace", onchange: (event) => repace(event.target.value) },
        Object.keys(PACES).map((name) =>
          el("option", { value: name, selected: name === pace }, t(`step.pace.${name}`)),
        ),
      ),
    ),
    el("label", { class: "inline" }, el("span", {}, t("step.unit")), " ", unitChoice()),
  );
}

function unitChoice() {
  const units = values?.units ?? 0;
  return el(
    "select",
    {
      "data-keep": "step unit",
      onchange: (event) => {
        unit = event.target.value === "" ? null : Number(event.target.value);
        fetchValues();
      },
    },
    el("option", { value: "", selected: unit === null }, t("unit.mean")),
    Array.from({ length: units }, (_, k) =>
      el("option", { value: k, selected: k === unit }, t("unit.one", { unit: k })),
    ),
  );
}

/** The phases with their equations; the one that happens now is lit. */
function equations() {
  const at = order()[token];
  const here = values && {
    now: (name) => values.values[name]?.[at],
    before: (name) => values.before[name]?.[at],
  };
  const boxes = phases().map(({ name, lines }, k) =>
    el(
      "li",
      {
        class: `phase ${name ?? "only"}${k === phase ? " lit" : ""}`,
        "aria-current": k === phase ? "step" : null,
      },
      el("h3", {}, t(`phase.${name ?? "only"}`)),
      el("p", { class: "note" }, t(`phase.${name ?? "only"}.what`)),
      el(
        "dl",
        {},
        lines.map((text) => [
          el("dt", {}, written(text)),
          el("dd", { class: /[WU]_/.test(text) ? "" : "sum" }, here && k <= phase ? withNumbers(text, here, unit !== null) : "…"),
        ]),
      ),
    ),
  );
  return el(
    "div",
    { class: "equations" },
    el("ol", { class: "phases" }, boxes),
    ["step.symbols", unit === null ? "step.mean" : "step.one"].map((key) => el("p", { class: "note" }, t(key, { unit }))),
  );
}

/** Goes to a phase of a token, here and on the strip. */
function go(to, part) {
  token = Math.max(0, Math.min(reading().tokens.length - 1, to));
  phase = part;
  set({ at: order()[token] });
  turn();
}

function advance() {
  if (phase + 1 < phases().length) go(token, phase + 1);
  else if (token + 1 < reading().tokens.length) go(token + 1, 0);
  else pause();
}

function play() {
  if (token === reading().tokens.length - 1 && phase === phases().length - 1) [token, phase] = [0, 0];
  clock = setInterval(advance, PACES[pace]);
  turn();
}

function stop() {
  clearInterval(clock);
  clock = null;
}

function pause() {
  stop();
  turn();
}

function repace(name) {
  pace = name;
  if (clock !== null) {
    stop();
    play();
  }
}
