// The eight steps of the guided mode, in the order of the seed's article: what of the page each shows, what is read there,
// and what "show me" does for the reader.

import { attention } from "./attention.js";
import { cellsBeside } from "./beside.js";
import { $ } from "./dom.js";
import { conduct } from "./equation-player.js";
import { explainToken } from "./explain.js";
import { redrawn, slideTo } from "./gradient.js";
import { reading, set, state } from "./state.js";

export const FEW = { zh: 100, en: 400 }; // characters: the LSTM whose gate began half closed has forgotten by then
const LONG = { zh: 300, en: 1200 };
const [SWEEP, PAUSE, LOOK] = [10, 150, 2500]; // movements of a slider that is moved for the reader, milliseconds between, and to look
const [LARGE, LOW] = [4, -8]; // times the recurrent weights, and added to the bias

const stillness = matchMedia("(prefers-reduced-motion: reduce)");
const play = () => {
  conduct({ playing: true });
  bring("player");
};
const playWhereMovementIsWanted = () => conduct({ playing: !stillness.matches });

/**
 * parts: of the page, by their names in its address. network: which one is looked into. story: "sentence" is the article's
 * sentence alone, "two" two people's wishes, else an example of so many characters. chinese: whether it is the article's own
 * sentence in every language. figure: a picture of the step's own. begin: what happens once it is read; show: what the reader is
 * to try, done for them.
 */
export const STEPS = [
  { parts: ["answers", "step"], network: "rnn", story: "sentence", begin: playWhereMovementIsWanted, show: play },
  { parts: ["answers", "gradient"], network: "rnn", story: FEW, show: explodeThenVanish },
  { parts: ["step"], network: "lstm-chrono", story: "sentence", begin: playWhereMovementIsWanted, show: play },
  {
    parts: ["step"],
    network: "lstm-chrono",
    story: "sentence",
    chinese: true,
    begin: () => conduct({ textbook: true }),
    show: () => {
      conduct({ textbook: true, at: lastLetter() });
      bring("player");
    },
  },
  { parts: ["answers", "gates"], network: "lstm-zero", story: FEW, show: holdOpen },
  { parts: ["length"], network: "lstm-chrono", story: LONG, show: toTheLongest },
  { parts: ["answers", "step", "bridge"], network: "gru-chrono", story: "sentence", figure: cellsBeside, begin: playWhereMovementIsWanted, show: play },
  {
    parts: ["answers", "gates"],
    network: "lstm-chrono",
    story: "two",
    figure: attention,
    show: () => {
      set({ remove: tokensOfFirstSentence() });
      bring("answers-title");
    },
  },
];

const SEEN = 400; // pixels of a part that are to be in sight

/** Brings a part of the page into sight where it is not. */
function bring(id) {
  const { top } = $(id).getBoundingClientRect();
  if (top < 0 || top + SEEN > innerHeight) $(id).scrollIntoView({ block: "start" });
}

/** The token before the full stop of the story: 王, of the article's sentence. */
const lastLetter = () => reading().question_start - 2;

const tokensOfFirstSentence = () => {
  const { tokens } = reading();
  return [...tokens.keys()].slice(0, 1 + tokens.findIndex((token) => [".", "。"].includes(token)));
};

/** Nothing is erased anywhere, and what the name wrote is followed. */
async function holdOpen() {
  const named = [...state.text].indexOf("說") === 2 ? 1 : 0; // a Chinese name's second character tells it from others
  set({ keep: [...reading().tokens.keys()] });
  await explainToken(named);
  bring("strip");
}

/** Recurrent weights large, then as they were, then the bias of the gate that keeps low. */
async function explodeThenVanish() {
  $("gradients").scrollIntoView({ block: "start" });
  await sweep("gradient-scale", LARGE, (value) => slideTo("scale", value));
  await redrawn();
  await wait(LOOK);
  slideTo("scale", 1);
  await sweep("gradient-bias", LOW, (value) => slideTo("bias", value));
}

function toTheLongest() {
  $("lengthen").scrollIntoView({ block: "start" });
  return sweep("longer", Number($("longer")?.max), (value) => {
    $("longer").value = String(Math.round(value));
    $("longer").dispatchEvent(new Event("input"));
  });
}

const wait = (time) => new Promise((next) => setTimeout(next, time));

/** Moves a slider to a value little by little; at once where movement is not wanted. */
async function sweep(id, to, move) {
  if (!$(id)) return;
  const from = Number($(id).value);
  const count = stillness.matches ? 1 : SWEEP;
  for (let step = 1; step <= count && $(id)?.checkVisibility(); step += 1) {
    move(from + ((to - from) * step) / count);
    await wait(PAUSE);
  }
}
