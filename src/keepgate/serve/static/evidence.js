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

// Verbs with which somebody tells, thinks or hopes something, what shows that it is of themselves, and what may stand between.
const TELLS = {
  zh: /(?:(?<![小傳传])[說说講讲]|[覺觉]得|[認认]為|认为|以[為为]|相信|希望|盼望|聽[說到]|听[说到]|猜|[懷怀]疑|[發发]現|发现|[記记]得|知道)$/,
  en: /^(?:sa(?:y|ys|id)|thinks?|thought|believe[sd]?|hope[sd]?|wish(?:es|ed)?|hears?|heard|knows?|knew|claim(?:s|ed)?|tells?|told|guess(?:es|ed)?|feels?|felt|remembers?|dreams?|dreamt)$/,
};
const THEMSELVES = {
  zh: /[他她它牠我咱](?!的)|自己|^[想要會会能該该很最也都不沒没將将正在去來来當当成做為为有喜愛爱是]|^$/,
  en: /\b(?:he|she|they|it|i|we|himself|herself)\b|^(?:to|of|about|like)\b|^$/,
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

/** The words of a question that its story has not, or only in part; of those in a row one text, as it is written. */
export function missingWords({ tokens, question_start: asked }) {
  const spoken = languageOf(tokens.join(""));
  const story = new Set(tokens.slice(0, asked).map(form));
  const isMissing = (token) => isContent(token, spoken) && !story.has(form(token));
  const question = tokens.slice(asked);
  if (!question.some(isMissing)) return [];
  const runs = [];
  let goesOn = false;
  for (const word of wordsOf(question, spoken)) {
    const missing = word.some(isMissing);
    if (missing) runs.push([...(goesOn ? runs.pop() : []), ...word]);
    goesOn = missing;
  }
  return runs.map(written);
}

const isContent = (token, spoken) => isWord(token) && !ASKING[spoken].has(folded(token));

/** Tokens in a row as one text: a blank stands between two that are not Chinese. */
const written = (tokens) => tokens.reduce((text, token) => text + (/\p{Script=Han}$/u.test(text) || /^\p{Script=Han}/u.test(token) ? "" : " ") + token);

/** Tokens by words: of Chinese, where one is a character, as a dictionary has them; characters that it leaves alone are together. */
function wordsOf(tokens, spoken) {
  if (spoken !== "zh" || !Intl.Segmenter) return tokens.map((token) => [token]);
  const rest = [...tokens];
  const words = [];
  let before = false;
  for (const { segment } of new Intl.Segmenter("zh", { granularity: "word" }).segment(tokens.join(""))) {
    const word = [];
    while (word.join("").length < segment.length && rest.length) word.push(rest.shift());
    const alone = word.length === 1 && isContent(word[0], spoken);
    if (alone && before) words.at(-1).push(...word);
    else words.push(word);
    before = alone;
  }
  return words;
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
  const named = (from, to) => question.slice(from, to).filter((token) => isContent(token, spoken)).map(form);
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

/**
 * Whether a clause with the answer tells what somebody says, thinks or hopes of another, where the question does not ask for
 * that: no story that was taught has such sentences, in which who tells is easily mistaken for who is told of.
 */
export function isHearsay({ tokens, question_start: asked }, answer) {
  const spoken = languageOf(tokens.join(""));
  const [story, question] = [tokens.slice(0, asked).map(folded), tokens.slice(asked).map(folded)];
  const tellsAt = (clause) => clause.findIndex((_, k) => TELLS[spoken].test(spoken === "zh" ? clause.slice(0, k + 1).join("") : clause[k]));
  if (tellsAt(question) >= 0) return false;
  return clausesOf(story, () => false).some((clause) => {
    const at = tellsAt(clause);
    if (at < 0 || !placesOf(clause, folded(answer).replace(/\s/g, "")).length) return false;
    const told = clause.slice(at + 1).filter(isWord);
    const last = told.findLastIndex((token) => isContent(token, spoken) && question.includes(token));
    if (last < 0) return false;
    const between = told.slice(0, last).join(spoken === "zh" ? "" : " ");
    return !THEMSELVES[spoken].test(between.replace(/^that\b ?/, ""));
  });
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
