// The form: which model, table, series and window; has the model read it at each choice.

import { ask, during, forget } from "../api.js";
import { $, announce, el, fill } from "../dom.js";
import { count } from "../numbers.js";
import { CHANGES, UNEXPLAINED, on, reading, set, state } from "../state.js";
import { explain, list, t } from "../words.js";
import { saidAnswer } from "./answer.js";
import { choose, chosenWindow, shown } from "./engine.js";

const [SERVED, OWN] = ["served", "own"]; // whose table is read
const ABOUT = ["token", "what-if", "values", "rests"]; // lanes of questions about what is read

let wanted = {}; // the window that was asked for last

/** Lets the form work. */
export function startForm() {
  $("asking").addEventListener("submit", (event) => {
    event.preventDefault();
    readTable();
  });
  $("table").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) readTable();
  });
  $("file").addEventListener("change", takeFile);
  $("model").addEventListener("change", ({ target }) => {
    const address = new URLSearchParams(location.search);
    address.set("model", target.value);
    location.search = address;
  });
  $("source").addEventListener("change", turnSource);
  $("series").addEventListener("change", ({ target }) => read({ series: Number(target.value), end: null }));
  $("target").addEventListener("change", ({ target }) => read({ target: Number(target.value) }));
  $("end").addEventListener("input", ({ target }) => read({ end: Number(target.value) }));
  $("ahead").addEventListener("input", ({ target }) => read({ ahead: Number(target.value) }));
  on(["models", "language"], offer);
  on(["readings", "language"], offerWindow);
  on(["fault", "language"], showFault);
}

/** Reads the first series of the file that is served, or waits for a table. */
export async function begin() {
  const { data } = shown();
  $("source").value = data ? SERVED : OWN;
  $("table-field").hidden = data;
  if (data) await read({ table: null, series: 0 });
}

/** What is to be chosen of the model, in the reader's language. */
function offer() {
  const { models } = state;
  const model = shown();
  $("model-label").hidden = models.length < 2;
  fill($("model"), models.map(({ id, name }) => el("option", { value: id, selected: id === model.id }, name)));
  $("source-label").hidden = !model.data;
  const source = $("source").value;
  fill($("source"), [SERVED, OWN].map((value) => el("option", { value, selected: value === source }, t(`form.${value}`))));
  $("target-label").hidden = model.targets.length < 2;
  fill($("target"), model.targets.map((name, k) => el("option", { value: k, selected: k === (chosenWindow().target ?? 0) }, name)));
  $("columns").textContent = t("form.columns", { columns: list(model.columns), n: count(model.look_back ?? 0) });
}

/** What is to be chosen of the table that was read. */
function offerWindow() {
  const read = reading();
  if (!read) return;
  const model = shown();
  $("series-label").hidden = read.list.length < 2;
  fill($("series"), read.list.map((each, k) => el("option", { value: k, selected: k === read.series }, named(each, k))));
  $("moves").hidden = !read.forecast;
  if (!read.forecast) return;
  const { steps } = read.list[read.series];
  Object.assign($("end"), { min: model.look_back, max: steps, value: read.end, disabled: steps <= model.look_back });
  Object.assign($("ahead"), { max: model.ahead, value: read.forecast.ahead, disabled: model.ahead < 2 });
  say("end", read.times.at(-1));
  say("ahead", t("form.ahead.said", { n: count(read.forecast.ahead), time: read.forecast.times[read.forecast.ahead - 1] }));
}

/** A slider's value in words, to the eye and to the ear. */
function say(id, text) {
  $(`${id}-said`).textContent = text;
  $(id).setAttribute("aria-valuetext", text);
}

const named = ({ id, steps, label }, k) =>
  t(label === null ? "form.one" : "form.one.label", { name: id || t("form.number", { k: k + 1 }), n: count(steps), label });

function turnSource() {
  const own = $("source").value === OWN;
  $("table-field").hidden = !own;
  if (own) $("table").focus();
  else read({ table: null, series: 0, end: null });
}

async function takeFile({ target }) {
  const [file] = target.files;
  if (!file) return;
  $("table").value = await file.text();
  await readTable();
}

async function readTable() {
  const table = $("table").value;
  if (table.trim()) return read({ table, series: 0, end: null });
  set({ fault: { code: "no_table", facts: {}, message: "" } });
  return $("table").focus();
}

/** Has the model read another window; the one that is shown stays until that has been read. */
async function read(changes) {
  forget(...ABOUT);
  const window = (wanted = { ...wanted, ...changes });
  set({ busy: true });
  await during(
    "read",
    async () => {
      const given = withShortNames(await ask("read", window));
      choose(window);
      set({
        ...{ readings: [given], expected: given.expected, fault: null, busy: false, ...UNEXPLAINED },
        ...Object.fromEntries(CHANGES.map((kind) => [kind, []])),
      });
      announce(saidAnswer());
    },
    (fault) => {
      wanted = chosenWindow();
      set({ fault, busy: false });
    },
  );
}

/** A reply whose steps are named without the year, where all have the same. */
function withShortNames(given) {
  const [year] = /^\d{4}-(?=\d\d-)/.exec(given.tokens[0]) ?? [""];
  const alike = given.tokens.every((token) => token.startsWith(year));
  return alike ? { ...given, tokens: given.tokens.map((token) => token.slice(year.length)) } : given;
}

function showFault() {
  $("asking-fault").hidden = !state.fault;
  $("asking-fault").textContent = state.fault ? explain(state.fault) : "";
  $("read-page").classList.toggle("stale", Boolean(state.fault && reading()));
}
