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
  const base = IRREGULAR.get(word) ?? word.replace(/(?<=..)(?:ing|ed|es|s|d)$/, "");
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
    if (k === before + 1) runs.push(runs.pop() + (spoken === "zh" && !/\w/.test(token) ? "" : " ") + token);
    else runs.push(token);
    before = k;
  });
  return runs;
}

/**
 * The share of a question's words that stand in one clause with an answer; 1 where it has none but those with which one asks.
 * What is told over several clauses, or of which the story has a part only, is easily mistaken.
 */
export function shareInClause({ tokens, question_start: asked }, answer) {
  const spoken = languageOf(tokens.join(""));
  const named = tokens.slice(asked).filter((token) => isWord(token) && !ASKING[spoken].has(folded(token)));
  const words = [...new Set(named.map(form))];
  if (!words.length) return 1;
  const clauses = tokens
    .slice(0, asked)
    .reduce((parts, token) => (CLAUSE.test(token) ? [...parts, []] : [...parts.slice(0, -1), [...parts.at(-1), token]]), [[]]);
  const wanted = answer.replace(/\s/g, "");
  const shares = clauses
    .filter((clause) => clause.join("").includes(wanted))
    .map((clause) => words.filter((word) => clause.some((token) => form(token) === word)).length / words.length);
  return Math.max(0, ...shares);
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
