// Right, wrong, or no more than a guess: what can be said of an answer, and why a network's answer is not to be relied on.

import { foreignWords, isHearsay, isTaught, missingWords, wordsInPlace } from "./evidence.js";
import { state } from "./state.js";
import { t } from "./words.js";

const SIGNS = { right: "✓", wrong: "✗", guess: "○", absent: "∅", words: "?", nothing: "–", unsure: "≈" };

/**
 * "guess" where all candidates are about as likely, or the answer less likely than not, right or not; else "right" or "wrong". Where nobody knows, the kind of
 * doubt, if there is any; else null. read: the reading.
 */
export function verdictOf(answer, read = null) {
  if (answer.text && (answer.guess || isDoubtful(answer))) return "guess";
  if (state.expected === null) return (read && doubtOf(answer, read)?.kind) ?? null;
  return answer.text === state.expected ? "right" : "wrong";
}

/** Whether an answer of which a right one is known is, by its own probability, more likely not so. */
const isDoubtful = ({ probability }) => state.expected !== null && probability < 0.5;

/** Whether a verdict says that an answer is not to be relied on. */
export const isDoubt = (verdict) => ["absent", "words", "nothing", "unsure"].includes(verdict);

const MUCH = 0.2; // of the tokens; a word or two that it never learnt a network may well do without
// How much support an answer needs, and what it loses where none of the question's words is in its place, in nats.
// Chosen on tests/demo/own_sentences.tsv by `python -m bench.strangers --development`.
const [SURE, APART] = [4, 12];

/**
 * Why an answer is not to be relied on, as { kind, reason, words }; null where nothing speaks against it. Kinds: "absent", the
 * story does not have it, which its text shows; "words", the network never learnt to read this; "nothing", it finds no answer;
 * "unsure", by its probability, what the other networks say and where the question's words stand.
 */
export function doubtOf(answer, read, { readings = state.readings, text = state.text, networks = byId() } = {}) {
  const network = networks[read.model];
  const pointer = isPointer(network);
  const unread = pointer ? foreignWords(read) : unknownWords(read);
  if (unread.length) return { kind: "words", reason: pointer ? "letters" : "unknown", words: [...new Set(unread)] };
  const missing = answer.text === "" ? missingWords(read) : [];
  if (missing.length) return { kind: "absent", reason: "missing", words: missing };
  if (pointer && !isTaught(read)) return { kind: "words", reason: "question", words: [] };
  if (answer.text === "") return { kind: "nothing", reason: "nothing", words: [] };
  if (pointer && isHearsay(read, answer.text)) return { kind: "words", reason: "hearsay", words: [] };
  if (pointer) return unsure(answer, read, readings, networks);
  return network?.shipped && !text.includes(answer.text) ? { kind: "absent", reason: "name", words: [] } : null;
}

const byId = () => Object.fromEntries(state.models.map((network) => [network.id, network]));
const isPointer = (network) => network?.kind === "pointer-reader" && network.shipped;

/** The words that a network never learnt, where they are the question's or many. */
function unknownWords({ unknown, tokens, question_start: asked }) {
  const matters = unknown.some((token) => token >= asked) || unknown.length > MUCH * tokens.length;
  return matters ? unknown.map((token) => tokens[token]) : [];
}

function unsure(answer, read, readings, networks) {
  if (supportOf(answer, read, readings, networks) > SURE) return null;
  const differs = others(read, readings, networks).some((other) => other.answer.text !== answer.text);
  const words = missingWords(read);
  if (words.length) return { kind: "unsure", reason: "lacking", words };
  const reason = differs ? "others" : wordsInPlace(read, answer.text) < 1 ? "places" : "probability";
  return { kind: "unsure", reason, words };
}

/**
 * How well an answer is supported: its log odds, with the mean of those that the other networks which point give it, less
 * what is lost where the question's words are not in their places beside it.
 */
export function supportOf(answer, read, readings, networks) {
  const odds = others(read, readings, networks).map((other) => logOdds(probabilityOf(answer.text, other.answer)));
  const joint = logOdds(answer.probability) + odds.reduce((sum, value) => sum + value, 0) / Math.max(odds.length, 1);
  return joint - APART * (1 - wordsInPlace(read, answer.text));
}

const others = (read, readings, networks) =>
  readings.filter(({ model: id, error }) => id !== read.model && !error && isPointer(networks[id]));

const LEAST = 1e-4; // probabilities of candidates that are not listed

const probabilityOf = (text, { candidates }) => candidates.find((each) => each.text === text)?.probability ?? 0;

function logOdds(probability) {
  const bounded = Math.min(Math.max(probability, LEAST), 1 - LEAST);
  return Math.log(bounded / (1 - bounded));
}

/** The sign of a verdict; what answers a question whose answer nobody knows has none. */
export const signOf = (verdict) => SIGNS[verdict] ?? "";

export const wordOf = (verdict) => (verdict ? t(`answers.${verdict}`) : "");
