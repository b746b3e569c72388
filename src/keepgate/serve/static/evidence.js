// What the text alone shows of a question: words of it that the story lacks, and questions of kinds that nobody taught.

import { languageOf } from "./text.js";

// Words with which one asks; a story can answer without them. The Chinese ones are a character each.
const ASKING = {
  zh: new Set(
    "誰谁什麼甚么啥哪裡里裏兒儿個个位人名字地方何處处邊边是的了嗎吗呢啊呀吧有在把給给被讓让要想會会能可以到底現现後后來来最幾几多少怎樣样為为時时候東东西些種种隻只幹干嘛做過过去得著着和跟也還还",
  ),
  en: new Set(
    ("who whom whose what which where when why how is are was were be been am do does did has have had got will would can " +
      "could should may might a an the this that of to in on at for from with by about into his her their its my our " +
      "your it he she they him them and or not no now then there s t re person people thing place name kind").split(" "),
  ),
};
// Forms of a verb that no ending tells.
const IRREGULAR = new Map(
  ("bought buy gave give given give went go gone go ate eat eaten eat drank drink drunk drink saw see seen see found find lost " +
    "lose stole steal stolen steal sold sell made make took take taken take broke break broken break wrote write written write " +
    "wore wear rode ride drove drive built build won win hid hide hidden hide held hold said say told tell thought think sang " +
    "sing taught teach chose choose brought bring sent send met meet caught catch knew know fought fight kept keep left leave " +
    "ran run sat sit slept sleep spoke speak stood stand swam swim felt feel flew fly lent lend paid pay threw throw got get " +
    "became become came come fell fall heard hear bit bite shot shoot drew draw")
    .split(" ")
    .reduce((pairs, word, k, all) => (k % 2 ? pairs : [...pairs, [word, all[k + 1]]]), []),
);
const STEM = 4; // letters in which the forms of a word agree, as the networks read them
const NOT = {
  zh: /^[不沒没別别未無无]$/,
  en: /^(?:not|never|no|nobody|nothing|none|t|'t|n't|without|except|refused|stopped)$/,
};
const TAUGHT = {
  zh: [/為什麼|为什么|為甚麼|為何|为何|什麼時候|什么时候|何時|何时|怎麼|怎么|多少|[幾几]/g, /[誰谁啥哪]|[什甚][麼么]|何處|何处/],
  en: [/what (?:time|day|year|month)/g, /\b(?:who|whom|whose|what|which|where)\b/],
};

const CLAUSE = /^(?:[.,;:!?。，、；：！？\n]|and|but|while|because|then)$/iu;

const folded = (token) => token.normalize("NFKC").toLowerCase();
const isWord = (token) => /[\p{L}\p{N}]/u.test(token);

/** A token in the form in which the story may have it too. */
function form(token) {
  const word = folded(token);
  const base = (IRREGULAR.get(word) ?? word).replace(/(?<=..)(?:ing|ed|es|e|s|d)$/, "");
  return [...base].slice(0, STEM).join("");
}

/** The parts of a question that its story has nothing of, in a row, as they are written. */
export function missingWords({ tokens, question_start: asked }) {
  const spoken = languageOf(tokens.join(""));
  const story = new Set(tokens.slice(0, asked).map(form));
  const runs = [];
  let before = -2;
  tokens.slice(asked).forEach((token, k) => {
    if (!isWord(token) || ASKING[spoken].has(folded(token)) || story.has(form(token))) return;
    if (k === before + 1) runs.push(runs.at(-1).match(/\w$/) && /^\w/.test(token) || spoken !== "zh" ? `${runs.pop()} ${token}` : runs.pop() + token);
    else runs.push(token);
    before = k;
  });
  return runs;
}

/**
 * How far a clause of the story says what the question says with the answer in the place of its question word: the share of
 * the question's words that stand in one clause with the answer, in that order, both with a "not" or neither; 1 where it has
 * none but those with which one asks. Whom somebody likes is easily mistaken for who likes them, and what is told over
 * several clauses, too.
 */
export function wordsInPlace({ tokens, starts, ends, question_start: asked }, answer) {
  const spoken = languageOf(tokens.join(""));
  const question = tokens.slice(asked).map(folded);
  const named = (from, to) => question.slice(from, to).filter((token) => isWord(token) && !ASKING[spoken].has(token)).map(form);
  const words = named(0);
  if (!words.length) return 1;
  const places = answerPlaces(question, spoken, (to) => named(0, to).length, words.length);
  const wanted = answer.replace(/\s/g, "");
  const negated = (side) => side.some((token) => NOT[spoken].test(folded(token)));
  let best = 0;
  const isApart = (k) => spoken === "zh" && k > 0 && starts[k] > ends[k - 1] && /^\p{Script=Han}{2}$/u.test(tokens[k - 1] + tokens[k]);
  for (const clause of clausesOf(tokens.slice(0, asked), isApart).filter((each) => negated(each) === negated(question)))
    for (const [first, last] of placesOf(clause, wanted)) {
      const [before, after] = [clause.slice(0, first).map(form), clause.slice(last).map(form)];
      for (const place of places)
        best = Math.max(best, inOrder(words.slice(0, place), before) + inOrder(words.slice(place), after));
    }
  return best / words.length;
}

/** Before which of a question's words an answer may stand, in the story's order of words. */
function answerPlaces(question, spoken, wordsBefore, count) {
  const all = Array.from({ length: count + 1 }, (_, place) => place);
  const at = question.findIndex((token) => (spoken === "zh" ? /[誰谁什甚啥哪何]/ : /^(?:who|whom|whose|what|which|where)$/).test(token));
  if (at < 0) return all;
  if (spoken === "zh") {
    const turned = /[是叫姓被]/.test(question[at - 1] ?? "") || question.includes("被");
    return turned ? all : [wordsBefore(at)];
  }
  const next = question[at + 1] ?? "";
  if (/^(?:did|do|does|will|would|can|could|should)$/.test(next)) return all.slice(1);
  return /^(?:is|are|was|were|has|have|had|s|'s|')$/.test(next) || question[at] !== "who" ? all : [0];
}

/** The clauses of a story, each as its tokens; in Chinese a blank between two characters is as good as a comma. */
function clausesOf(story, isApart) {
  const clauses = [[]];
  story.forEach((token, k) => {
    if (CLAUSE.test(token) || isApart(k)) clauses.push([]);
    if (!CLAUSE.test(token)) clauses.at(-1).push(token);
  });
  return clauses;
}

/** Where a text stands in a clause, as its first token and the one after its last. */
function placesOf(clause, text) {
  const places = [];
  clause.forEach((_, first) => {
    for (let [last, whole] = [first, ""]; last < clause.length && whole.length < text.length; ) {
      whole += clause[last];
      last += 1;
      if (whole === text) places.push([first, last]);
    }
  });
  return places;
}

/** How many words of one list stand in another in the same order: their longest common subsequence. */
function inOrder(words, others) {
  let counts = Array(others.length + 1).fill(0);
  for (const word of words) {
    const next = [0];
    others.forEach((other, k) => next.push(word === other ? counts[k] + 1 : Math.max(counts[k + 1], next[k])));
    counts = next;
  }
  return counts.at(-1);
}

/** Whether a question asks who, what or where: no other was taught with an answer. */
export function isTaught({ tokens, question_start: asked }) {
  const spoken = languageOf(tokens.join(""));
  const question = folded(tokens.slice(asked).join(spoken === "zh" ? "" : " "));
  const [other, taught] = TAUGHT[spoken];
  return taught.test(question.replace(other, ""));
}

const MUCH = 0.2; // of the tokens; a name or two may be written as it likes

/** The words in letters that are neither Latin nor Chinese, where there are many. */
export function foreignWords({ tokens }) {
  const foreign = tokens.filter((token) => /\p{L}/u.test(token) && !/[\p{Script=Latin}\p{Script=Han}]/u.test(token));
  return foreign.length > MUCH * tokens.length ? foreign : [];
}
