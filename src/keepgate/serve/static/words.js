// The page's words in the reader's language. Every string has its home in words.en.json or words.zh-TW.json.

import { linkedLanguage } from "./address.js";
import { wordsIn } from "./api.js";
import { announce } from "./dom.js";
import { set } from "./state.js";

const LANGUAGES = ["en", "zh-TW"];
const TAGS = { en: "en", "zh-TW": "zh-Hant-TW" };
const STORED = "keepgate.language";
const tables = new Map();

let spoken = "en";

/** The language that the page speaks. */
export const language = () => spoken;

/** The language to begin with: the one chosen last, else the first of the browser's that there is. */
export function firstLanguage() {
  const chosen = linkedLanguage() ?? remembered();
  if (LANGUAGES.includes(chosen)) return chosen;
  for (const each of navigator.languages ?? []) {
    if (/^zh/i.test(each)) return "zh-TW";
    if (/^en/i.test(each)) return "en";
  }
  return "en";
}

function remembered() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null; // storage that is forbidden remembers nothing
  }
}

/** Turns the page to a language, and tells all who show words. */
export async function speak(chosen) {
  if (!tables.has(chosen)) tables.set(chosen, await wordsIn(chosen));
  spoken = chosen;
  document.documentElement.lang = TAGS[chosen];
  document.title = t("title");
  dress(document);
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === chosen));
  }
  set({ language: chosen });
}

/** Lets the buttons of the switch choose, and remembers what they chose. */
export function startWords() {
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", async () => {
      try {
        localStorage.setItem(STORED, button.dataset.language);
      } catch {
        // The choice holds until the page is closed.
      }
      await speak(button.dataset.language);
      announce(t("language.now"));
    });
  }
}

// Between a Chinese character and a Latin letter or a digit stands a blank.
const HAN = /[\u3400-\u9fff]/;
const LATIN = /[A-Za-z0-9%]/;

/** The words of a key, with what its braces name filled in; the key itself if there are none. */
export function t(key, parts = {}) {
  const words = tables.get(spoken)?.[key];
  if (words === undefined) return key;
  return words.replace(/\{(\w+)\}/g, (whole, name, at) => {
    if (!(name in parts)) return whole;
    const part = String(parts[name]);
    const before = HAN.test(words[at - 1] ?? "") && LATIN.test(part[0] ?? "") ? " " : "";
    const after = HAN.test(words[at + whole.length] ?? "") && LATIN.test(part.at(-1) ?? "") ? " " : "";
    return before + part + after;
  });
}

export const has = (key) => tables.get(spoken)?.[key] !== undefined;

/** Which word it is, as the language counts: "2nd", 第 2 個字. */
export function nth(number) {
  const teen = number % 100 > 10 && number % 100 < 14;
  const ending = teen ? "th" : (["th", "st", "nd", "rd"][number % 10] ?? "th");
  return t("token.number", { k: spoken === "en" ? `${number}${ending}` : number });
}

/** Several things in a row, as the language lists them. */
export function list(things) {
  return things.join(t("list.comma"));
}

/** A text in quotation marks; of an answer that is none, that there is none. */
export const quoted = (text) => (text ? t("quoted", { text }) : t("answers.none"));

/** Words that have not come yet are left out. */
function dress(root) {
  for (const each of root.querySelectorAll("[data-word]")) if (has(each.dataset.word)) each.textContent = t(each.dataset.word);
  for (const each of root.querySelectorAll("[data-word-label]"))
    if (has(each.dataset.wordLabel)) each.setAttribute("aria-label", t(each.dataset.wordLabel));
}

/** What went wrong and what to do, in the reader's language; in the server's own words if the code is new to us. */
export function explain(fault) {
  const key = `fault.${fault.code}`;
  if (fault.code !== "bad_request" && has(key)) return t(key, fault.facts);
  return t("fault.other", { error: fault.message });
}
