// The same story with more and more said after it: a slider, and what each network answers at each length.

import { embedded, linkedNumber } from "./address.js";
import { ask, askAhead, during, forget } from "./api.js";
import { $, announce, button, el, fill, note } from "./dom.js";
import { followLength, resetLength, toldAt, whyThere } from "./length-reasons.js";
import { fullName } from "./names.js";
import { count, probability } from "./numbers.js";
import { whenVisible } from "./when-visible.js";
import { on, state } from "./state.js";
import { isOfForm, put, read } from "./story.js";
import { firstSentence, languageOf } from "./text.js";
import { signOf, verdictOf, wordOf } from "./verdict.js";
import { explain, quoted, t } from "./words.js";

const STEPS = 16;
const LONGEST = { zh: 1000, en: 4000 }; // characters
const MOST = 10_000; // characters that the server tells

let from = "sentence"; // what is lengthened where both tell the answer: the first sentence, or the whole story
let opens = false; // whether the first sentence tells it
let reply = null; // the server's
let known = new Map(); // its replies about these readings, by what is lengthened
let fault = null;
let lengthened = null; // what that reply is about
let at = 0; // the length that the slider stands on
let wanted = linkedNumber("length", 1, MOST); // characters at which it is to stand first; null where it need not

/** Lets the slider work. */
export function startLengthen() {
  const visibility = whenVisible($("lengthen"), fetchLengths);
  on(["readings"], () => {
    forget("lengthen", "lengthen ahead");
    resetLength();
    known = new Map();
    opens = state.expected !== null && firstSentence(state.text) !== state.text && isOfForm(state.text, state.question);
    // The same story, lengthened: the slider stays where it is.
    const now = `${state.question}\n${base()}`;
    [reply, fault, at] = [null, null, now === lengthened ? at : 0];
    lengthened = now;
    show();
    if (state.readings.length) visibility.touch();
  });
  on(["language", "expected"], show);
}

const base = () => (opens && from === "sentence" ? firstSentence(state.text) : state.text);

/** What is asked of a text. */
function request(text) {
  const models = state.readings.filter((reading) => !reading.error).map((reading) => reading.model);
  const language = languageOf(text);
  const to = Math.min(MOST, Math.max(LONGEST[language], 2 * [...text].length));
  return { text, question: state.question, models, language, steps: STEPS, to };
}

async function fetchLengths() {
  const text = base();
  const asked = request(text);
  if (!asked.models.length) return;
  forget("lengthen", "lengthen ahead");
  await during(
    "lengthen",
    async () => {
      reply = known.get(text) ?? (await ask("lengthen", asked));
      known.set(text, reply);
      fault = null;
      at = wanted === null ? Math.min(at, reply.lengths.length - 1) : Math.max(0, reply.lengths.findLastIndex((length) => length <= wanted));
      wanted = null;
      show();
      followLength(reply, at);
      fetchOther();
    },
    (failed) => {
      [reply, fault] = [null, failed];
      show();
    },
  );
}

/** Has the replies about what else can be lengthened at hand, where that is in nobody's way. */
async function fetchOther() {
  const [text, replies] = [from === "sentence" ? state.text : firstSentence(state.text), known];
  if (!opens || known.has(text)) return;
  const other = await askAhead("lengthen", request(text), "lengthen ahead");
  if (other) replies.set(text, other);
}

function show() {
  state.length = at && reply ? reply.lengths[at] : 0; // nobody else shows it
  if (!state.readings.length) return fill($("lengths"));
  if (fault) return fill($("lengths"), el("p", { class: "fault" }, explain(fault)), choice());
  if (!reply) return fill($("lengths"), note(t("waiting")));
  return fill($("lengths"), slider(), table(), tale(), toldAt(reply, at), choice(), whyThere());
}

function slider() {
  const input = el("input", {
    type: "range",
    id: "longer",
    min: 0,
    max: reply.lengths.length - 1,
    step: 1,
    value: at,
    "data-keep": "longer",
    "aria-valuetext": spoken(),
    oninput: (event) => {
      at = Number(event.target.value);
      turn();
    },
  });
  const paragraph = el(
    "p",
    { class: "slide along" },
    el("label", { for: "longer" }, t("lengthen.slider")),
    el("output", { "aria-live": "off", class: "number" }, t("lengthen.characters", { n: count(reply.lengths[at]) })),
    input,
  );
  paragraph.style.setProperty("--columns", reply.lengths.length);
  return paragraph;
}

/** Moves to another length without making the slider anew, which is being dragged. */
function turn() {
  const host = $("lengths");
  state.length = at && reply.lengths[at];
  host.querySelector("output").textContent = t("lengthen.characters", { n: count(reply.lengths[at]) });
  host.querySelector("#longer").setAttribute("aria-valuetext", spoken());
  host.querySelector(".tale").replaceWith(tale());
  host.querySelector(".told").replaceWith(toldAt(reply, at));
  followLength(reply, at);
  for (const cell of host.querySelectorAll("[data-column]"))
    cell.classList.toggle("now", Number(cell.dataset.column) === at);
}

function spoken() {
  return [
    t("lengthen.characters", { n: count(reply.lengths[at]) }),
    ...networks().map(([id]) => said(id, at)),
  ].join(" ");
}

const networks = () => Object.entries(reply.answers);

/** How an answer fares: "guess", "right" or "wrong"; where nobody knows the right one, "same" as after the shortest or "other". */
function fares(id, answer) {
  return verdictOf(answer) ?? (answer.text === reply.answers[id][0].text ? "same" : "other");
}

/** What a network says at the k-th length, and how that compares with what it said at shorter ones. */
function said(id, k) {
  const answers = reply.answers[id];
  const [answer, how] = [answers[k], fares(id, answers[k])];
  const lost = answers.slice(0, k).some((each) => fares(id, each) !== "right");
  const knew = fares(id, answers[0]) === "right";
  const key = { right: lost ? "again" : "still", wrong: knew ? "lost" : "never" }[how] ?? how;
  return t(`lengthen.${key}`, {
    name: fullName(id),
    answer: quoted(answer.text),
    p: probability(answer.probability),
  });
}

function tale() {
  return el(
    "ul",
    { class: "tale" },
    networks().map(([id, answers]) =>
      el("li", { class: fares(id, answers[at]) }, said(id, at)),
    ),
  );
}

function table() {
  const head = el(
    "tr",
    {},
    el("th", { scope: "col" }, t("lengthen.network")),
    reply.lengths.map((length, k) =>
      el("th", { scope: "col", "data-column": k, class: k === at ? "now" : "" }, count(length)),
    ),
  );
  const rows = networks().map(([id, answers]) =>
    el(
      "tr",
      { "data-network": id },
      el("th", { scope: "row" }, fullName(id)),
      answers.map((answer, k) => {
        const how = fares(id, answer);
        return el(
          "td",
          {
            "data-column": k,
            class: `${how}${k === at ? " now" : ""}`,
            title: said(id, k),
            onclick: () => jump(k),
          },
          signOf(how) ? el("span", { class: "mark", "aria-hidden": "true" }, signOf(how)) : null,
          el("span", { class: "given" }, answer.text),
          el("span", { class: "unseen" }, signOf(how) ? wordOf(how) : ""),
        );
      }),
    ),
  );
  const lengths = el("table", { class: "lengths" }, el("thead", {}, head), el("tbody", {}, rows));
  lengths.style.setProperty("--columns", reply.lengths.length);
  return lengths;
}

function jump(k) {
  at = k;
  $("longer").value = String(k);
  turn();
}

function choice() {
  const radio = (value) =>
    el(
      "label",
      { class: "inline" },
      el("input", {
        type: "radio",
        name: "from",
        value,
        checked: from === value,
        "data-keep": `from ${value}`,
        onchange: () => {
          from = value;
          at = 0;
          fetchLengths();
        },
      }),
      el("span", {}, t(`lengthen.from.${value}`)),
    );
  const take = () => {
    put(reply.stories[at], state.question);
    read();
    announce(t("lengthen.taken"));
    $("answers-title").scrollIntoView({ block: "start" });
  };
  return el(
    "div",
    { class: "choice" },
    opens ? el("fieldset", {}, el("legend", {}, t("lengthen.from")), radio("sentence"), radio("story")) : null,
    reply && state.guide === null && !embedded() ? button(t("lengthen.take"), take, { "data-keep": "take" }) : null,
  );
}
