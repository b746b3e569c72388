// The stories of keepgate.demo, from the same templates and the same random numbers.

import { Fault } from "../fault.js";
import { ALWAYS_FILLABLE, DISTRACTOR_SEED } from "./constants.js";
import { Random } from "./random.js";

let byLanguage = {};

/** Takes the sentences, by language. */
export function useTemplates(all) {
  byLanguage = all;
}

const lengthOf = (text) => [...text].length;
const filled = (sentence, parts) => sentence.replace(/\{(\w+)\}/g, (_, name) => parts[name]);

/** The goals of one split: the test's have one rank of each domain, each another. */
function goalsOf(split, { domains, ranks, goal }) {
  return domains.flatMap((domain, r) =>
    ranks.filter((_, k) => (r % ranks.length === k) === (split === "test")).map((rank) => filled(goal, { domain, rank })),
  );
}

/** One distractor, with the separator before it. */
function distractor(rng, { names, distractors, between }) {
  const first = Math.floor(rng.random() * names.length);
  const second = (first + 1 + Math.floor(rng.random() * (names.length - 1))) % names.length;
  const sentence = distractors[Math.floor(rng.random() * distractors.length)];
  return between + filled(sentence, { a: names[first], b: names[second] });
}

const fillable = new Map();

function canFill(characters, templates) {
  if (characters > ALWAYS_FILLABLE) return true;
  if (!fillable.has(templates)) {
    const names = new Set(templates.names.map(lengthOf));
    const sizes = new Set();
    for (const sentence of templates.distractors) {
      const bare = lengthOf(templates.between) + lengthOf(sentence.replace("{a}", "").replace("{b}", ""));
      for (const a of sentence.includes("{a}") ? names : [0])
        for (const b of sentence.includes("{b}") ? names : [0]) sizes.add(bare + a + b);
    }
    const reached = new Set([0]);
    for (let total = 1; total <= ALWAYS_FILLABLE; ++total)
      if ([...sizes].some((size) => reached.has(total - size))) reached.add(total);
    fillable.set(templates, reached);
  }
  return fillable.get(templates).has(characters);
}

/** Distractors of exactly so many characters. */
function filler(rng, characters, templates) {
  let [text, left] = ["", characters];
  while (left > 0) {
    let sentence = distractor(rng, templates);
    while (!canFill(left - lengthOf(sentence), templates)) sentence = distractor(rng, templates);
    text += sentence;
    left -= lengthOf(sentence);
  }
  return text;
}

/** An example: a story of so many characters with its question and answer; the pirate king's for seed 0. */
export function story(language, length, seed) {
  const templates = byLanguage[language];
  const rng = new Random(seed ? `${seed} test 1 ${length} ${language}` : `article 0 ${length}`);
  let [name, goal] = [templates.names[0], filled(templates.goal, { domain: templates.domains[0], rank: templates.ranks[0] })];
  if (seed) {
    const goals = goalsOf("test", templates);
    name = templates.names[rng.below(templates.names.length)];
    goal = goals[rng.below(goals.length)];
    rng.below(1); // which of the facts is asked about: there is one
  }
  const fact = filled(templates.fact, { name, goal });
  const question = filled(templates.question, { goal });
  const left = length - lengthOf(fact) - lengthOf(question) - 1;
  if (left < 0 || !canFill(left, templates)) throw new Fault("bad_request", `no story has exactly ${length} characters`);
  return { text: fact + filler(rng, left, templates), question, answer: name };
}

/** The pirate king's story of more tokens than so many. */
export function storyOfTokens(language, tokens, count) {
  let characters = tokens + 200;
  for (;;) {
    const example = story(language, characters, 0);
    if (count(example.text) > tokens) return example;
    characters += Math.floor(characters / 2);
  }
}

/** The text, and the same with more and more distractors after it, up to `to` characters. */
export function longer(text, language, steps, to) {
  const templates = byLanguage[language];
  const rng = new Random(`happenings ${DISTRACTOR_SEED} ${language}`);
  const length = lengthOf(text);
  const sentences = [];
  const ends = [0];
  for (;;) {
    const sentence = distractor(rng, templates);
    if (length + ends.at(-1) + lengthOf(sentence) > to) break;
    sentences.push(sentence);
    ends.push(ends.at(-1) + lengthOf(sentence));
  }
  const stories = [text];
  for (let step = 1; step < steps; ++step) {
    const wanted = evenRound(length * (Math.max(to / length, 1) ** (step / (steps - 1)) - 1));
    const count = ends.filter((end) => end <= wanted).length - 1;
    const next = text + sentences.slice(0, count).join("");
    if (next !== stories.at(-1)) stories.push(next);
  }
  return stories;
}

/** To the nearest whole number, halves to the even one, as Python rounds. */
function evenRound(value) {
  const low = Math.floor(value);
  return value - low === 0.5 ? low + (low % 2) : Math.round(value);
}

/** The answer that a text gives, where text and question are of the stories' form and nothing takes it back; else null. */
export function expectedOf(text, question) {
  const asked = question.replaceAll("？", "?").trim();
  for (const templates of Object.values(byLanguage))
    for (const goal of [...goalsOf("train", templates), ...goalsOf("test", templates)])
      if (asked === filled(templates.question, { goal })) {
        const fact = (name) => filled(templates.fact, { name, goal });
        const names = templates.names.filter((name) => text.includes(fact(name)));
        if (names.length === 1 && !text.split(fact(names[0])).at(-1).includes(goal)) return names[0];
      }
  return null;
}
