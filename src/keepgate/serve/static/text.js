// A text as the server counts it, in code points: what stands between tokens, and its first sentence.

const END = /[。！？!?｡]+[」』”’）)\]》】"']*|[.．]+[」』”’）)\]》】"']*(?=\s|$)|[\r\n]+/gu;

/** What stands before each token in the text: "\n" if a new line does, " " if a blank does, else "". */
export function gapsOf(text, reading) {
  const letters = [...text];
  let before = 0;
  return reading.tokens.map((_, k) => {
    if (k >= reading.question_start) {
      const gap = k > reading.question_start && reading.starts[k] > before ? " " : "";
      before = reading.ends[k];
      return gap;
    }
    const between = letters.slice(before, reading.starts[k]).join("");
    before = reading.ends[k];
    return /[\r\n]/.test(between) ? "\n" : between ? " " : "";
  });
}

/** The text's first sentence. */
export function firstSentence(text) {
  END.lastIndex = 0;
  const sentenceEnd = END.exec(text);
  END.lastIndex = 0;
  return sentenceEnd ? text.slice(0, sentenceEnd.index + sentenceEnd[0].trimEnd().length) : text;
}

/** The language whose networks are to read a text: "zh" if there is one character of such a script, else "en". */
export const languageOf = (text) => (/[\u3400-\u9fff\uf900-\ufaff]/u.test(text) ? "zh" : "en");
