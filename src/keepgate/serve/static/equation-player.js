// The story token by token: forget, select, output, each lit in the equations with its numbers.

import { linkedLetters } from "./address.js";
import { ask, during, forget } from "./api.js";
import { $, button, el, fill, note, onWidth, select } from "./dom.js";
import { inTextbook, phasesOf, withNumbers } from "./equations.js";
import { scene } from "./film-scene.js";
import { icon } from "./icons.js";
import { later } from "./later.js";
import { phaseBox } from "./phase-box.js";
import { whenVisible } from "./when-visible.js";
import { CHANGES, firstUnit, isChanged, isGated, model, on, question, reading, set, state, strip } from "./state.js";
import { explain, t } from "./words.js";

const PACES = { slow: 1500, normal: 600, fast: 150 }; // milliseconds a phase

let [values, fault] = [null, null]; // the engine's reply
let letters = linkedLetters(); // whether the reader chose those of textbooks
let [token, phase] = [0, 0];
let [pace, clock] = ["normal", null]; // the clock while it plays
let width = 0; // of its place

/** Lets the player work. */
export function startEquationPlayer() {
  set({ textbook: letters });
  const visibility = whenVisible($("step"), fetchValues);
  const [draw, drawTurn] = [later(show), later(turn)]; // it lies below what is read and pressed first
  const begin = () => {
    stop();
    forget("values");
    [values, fault, token, phase] = [null, null, 0, 0];
    state.unit = firstUnit(); // nobody else shows it
    draw();
    if (reading()) visibility.touch();
  };
  on(["readings", "chosen", "layerIndex"], begin);
  on(["unit"], () => reading() && visibility.touch());
  on(["language"], draw);
  on(["at"], () => follow() && drawTurn());
  on(CHANGES, drawTurn);
  onWidth($("player"), (now) => {
    width = now;
    turn();
  });
}

/** Stands on a token, with a book's letters or torch's, and plays from there if asked to. For the guide. */
export function conduct({ textbook = letters, at = 0, playing = false }) {
  stop();
  set({ textbook });
  if (!reading()) return;
  if (!values && $("step").checkVisibility()) fetchValues(); // it plays though it may lie below what is in sight
  show();
  go(at, 0);
  if (playing) play();
}

/** Goes to the token that the reader stands on; whether it stood on another. */
function follow() {
  if (!reading() || state.at === null || state.at === order()[token]) return false;
  [token, phase] = [order().indexOf(state.at), 0];
  return true;
}

async function fetchValues() {
  if (!reading()) return;
  const { layer, reverse } = strip();
  await during(
    "values",
    async () => {
      values = await ask("values", { ...question(), layer, reverse, unit: state.unit });
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
const order = () => (strip().reverse ? [...reading().tokens.keys()].reverse() : [...reading().tokens.keys()]);

/** Makes the player anew. */
function show() {
  $("step-lead").textContent = lead();
  if (!reading()) return fill($("player"));
  if (fault) return fill($("player"), el("p", { class: "fault" }, explain(fault)));
  return fill($("player"), picture(), controls(), equations());
}

/** What plays, and what the picture of an LSTM means. */
function lead() {
  if (hasLetters()) return `${t("step.lead")} ${t("step.film", { g: lettered("g") })}`;
  if (model(state.chosen)?.cell === "gru") return `${t("step.lead")} ${t("step.film.gru")}`;
  return t(isGated(state.chosen) ? "step.lead" : "step.lead.plain");
}

/** Shows another token or phase, and leaves the controls, one of which may be dragged. */
function turn() {
  const host = $("player");
  if (!reading() || !host.querySelector(".controls")) return;
  host.querySelector(".film").replaceWith(picture());
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

/** The film at the token that is read. */
const picture = () =>
  scene({
    places: order(),
    at: token,
    values,
    lettered,
    lit: phases()[phase]?.name,
    label: now(),
    width: Math.max(260, Math.floor(width)),
    picked: (pressed) => go(pressed, 0),
  });

function controls() {
  const control = (name, act, sign) =>
    button(sign, act, { "data-keep": `step ${name}`, "aria-label": t(`step.${name}`), title: t(`step.${name}`) });
  const seek = el("input", {
    type: "range",
    min: 0,
    max: reading().tokens.length - 1,
    value: token,
    "data-keep": "seek",
    "aria-valuetext": now(),
    oninput: ({ target }) => go(Number(target.value), 0),
  });
  const paces = select(
    Object.keys(PACES).map((name) => [name, t(`step.pace.${name}`)]),
    pace,
    { "data-keep": "pace", onchange: ({ target }) => repace(target.value) },
  );
  const inline = (key, choice) => el("label", { class: "inline" }, el("span", {}, t(key)), " ", choice);
  return el(
    "div",
    { class: "controls" },
    control("back", () => go(token - 1, 0), icon("back")),
    control("play", () => (clock === null ? play() : pause()), icon(clock === null ? "play" : "pause")),
    control("phase", () => (clock === null ? advance() : pause()), t("step.phase.sign")),
    control("forward", () => go(token + 1, 0), icon("forward")),
    el("label", { class: "seek" }, el("span", { class: "unseen" }, t("step.seek")), seek),
    inline("step.pace", paces),
    inline("step.unit", unitChoice()),
    hasLetters() ? inline("step.letters", letterChoice()) : null,
  );
}

function unitChoice() {
  const { hidden_size: count } = model(state.chosen);
  const units = Array.from({ length: count }, (_, k) => [k, t("unit.one", { unit: k })]);
  return select([["", t("unit.mean")], ...units], state.unit ?? "", {
    "data-keep": "step unit",
    onchange: ({ target }) => set({ unit: target.value === "" ? null : Number(target.value) }),
  });
}

const hasLetters = () => model(state.chosen)?.cell === "lstm";
const lettered = (text) => (state.textbook && hasLetters() ? inTextbook(text) : text);

function letterChoice() {
  const names = [
    ["torch", "g, i, f, o"],
    ["textbook", "z, zⁱ, zᶠ, zᵒ"],
  ];
  return select(names, state.textbook ? "textbook" : "torch", {
    "data-keep": "step letters",
    onchange: ({ target }) => {
      letters = target.value === "textbook";
      set({ textbook: letters });
      show();
    },
  });
}

/** The phases with their equations; the one that happens now is lit. */
function equations() {
  const at = order()[token];
  const { unit } = state;
  const numbers = values && {
    now: (name) => values.values[name]?.[at],
    before: (name) => values.before[name]?.[at],
  };
  const filled = (text) => lettered(withNumbers(text, numbers, unit !== null));
  const boxes = phases().map((each, k) => phaseBox(each, { lit: k === phase, lettered, filled: numbers && k <= phase ? filled : () => "…" }));
  return el(
    "div",
    { class: "equations" },
    el("ol", { class: "phases" }, boxes),
    ["step.symbols", isGated(state.chosen) && "step.gates", strip().layer > 0 && "step.layer", model(state.chosen).cell === "mingru" && "step.mingru", model(state.chosen).memory === "c" && "step.cell", hasLetters() && "step.textbook", unit === null ? "step.mean" : "step.one", unit === firstUnit() && (state.preset === "mind" ? "step.forgetting" : "step.telling"), isChanged() && "step.unchanged"]
      .filter(Boolean)
      .map((key) => note(t(key, { unit }))),
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
  stop();
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
  if (clock !== null) play();
}
