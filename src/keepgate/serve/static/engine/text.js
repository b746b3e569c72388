// A text as tokens with places, in code points; sentences; characters of another width. As keepgate.data.text has it.

const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

let token = null;
let sentenceEnd = null;

/** Takes the character classes and the pattern that Python's tokens and sentences have. */
export function useCharacters({ alone, marks, sentence_end: end }) {
  const letter = `(?![_${alone}])[\\p{L}\\p{N}]`;
  token = new RegExp(`${letter}(?:${letter}|[${marks}]|(?<=\\p{Nd})[.,](?=\\p{Nd}))*|[^${SPACE}]`, "gu");
  // Where a word begins, of any script, and every blank of Python's: JavaScript's own \b and \s know fewer.
  const pattern = end.replaceAll("\\b", "(?<![\\p{L}\\p{N}_])").replaceAll("\\s", `[${SPACE}]`);
  sentenceEnd = new RegExp(pattern, "gu");
}

/** Where each of a text's UTF-16 units stands in code points. */
function pointsOf(text) {
  const points = new Uint32Array(text.length + 1);
  let point = 0;
  for (let unit = 0; unit < text.length; point += 1) {
    const wide = text.codePointAt(unit) > 0xffff ? 2 : 1;
    points.fill(point, unit, unit + wide);
    unit += wide;
  }
  points[text.length] = point;
  return points;
}

/** Tokens with where they start and end: a Chinese character, a run of other letters and digits, or one other sign. */
export function tokenize(text) {
  const points = pointsOf(text);
  const matches = [...text.matchAll(token)];
  return {
    texts: matches.map(([match]) => match),
    starts: matches.map(({ index }) => points[index]),
    ends: matches.map(({ 0: match, index }) => points[index + match.length]),
  };
}

/** Where each sentence of a text starts, the first at 0. */
export function sentenceStarts(text) {
  const points = pointsOf(text);
  const ends = [...text.matchAll(sentenceEnd)].map(({ 0: match, index }) => points[index + match.length]);
  return [0, ...ends.filter((end) => end < points[text.length])];
}

const LIKE = { "。": ".", "、": "," };
/** A token in lower case and half width. */
export const fold = (text) => text.normalize("NFKC").replace(/[。、]/g, (sign) => LIKE[sign]).toLowerCase();

/** A vocabulary: tokens by number, 1 for what it lacks; and its own form of a token that it has in another width. */
export class Vocabulary {
  constructor(tokens) {
    this.numbers = new Map(tokens.map((text, k) => [text, k + 2]));
    this.forms = new Map(tokens.map((text) => [fold(text), text]));
  }

  has = (text) => this.numbers.has(text.toLowerCase());

  /** A token in the width that the vocabulary has, if it has it in another one only. */
  form(text) {
    if (this.has(text)) return text;
    const other = this.forms.get(fold(text)) ?? text;
    return [...other].length === [...text].length ? other : text;
  }

  /** A text with every token in the width that the vocabulary has; offsets stay. */
  normalised(text) {
    const letters = [...text];
    const { texts, starts, ends } = tokenize(text);
    texts.forEach((word, k) => {
      const own = this.form(word);
      if (own === word) return;
      const between = /\p{Nd}/u.test(letters[starts[k] - 1] ?? "") && /\p{Nd}/u.test(letters[ends[k]] ?? "");
      if (!between) letters.splice(starts[k], ends[k] - starts[k], ...own);
    });
    return letters.join("");
  }

  ids = (texts) => texts.map((text) => this.numbers.get(text.toLowerCase()) ?? 1);
}
