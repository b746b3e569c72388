// What the page's address says: `?story=…&question=…&network=…&step=…&remove=2,3&lang=zh-TW` opens any state, `?embed=gates`
// one part alone, `?guide=3` a step of the guided mode.

const PARTS = {
  answers: ".answers-section",
  gates: ".inside",
  step: "#step",
  length: "#lengthen",
  bridge: "#bridge",
  gradient: "#gradients",
};

const asked = new URLSearchParams(location.search);

/** The story and question to begin with; null where the address names no story. */
export function linkedStory() {
  const text = asked.get("story");
  return text ? { text, question: asked.get("question") ?? "" } : null;
}

const tokens = (name) =>
  (asked.get(name) ?? "")
    .split(",")
    .map((number) => Number(number) - 1)
    .filter((token) => Number.isInteger(token) && token >= 0);

/** The token to begin at, from 0; null where none is named. */
export const linkedToken = () => tokens("step")[0] ?? null;

/** The network to look into, by id; null where none is named. */
export const linkedNetwork = () => asked.get("network");

/** The tokens, from 0, at which a change of some kind is made. */
export const linkedChanges = (kind) => [...new Set(tokens(kind))].sort((a, b) => a - b);

/** The language that the address names; null where it names none. */
export const linkedLanguage = () => asked.get("lang");

/** The part of the page that is to be shown alone, by name; null for the whole page. */
export const embedded = () => (Object.hasOwn(PARTS, asked.get("embed")) ? asked.get("embed") : null);

/** Shows nothing but the named part, where there is one. */
export function startAddress() {
  const part = embedded();
  if (!part) return;
  document.body.classList.add("embed");
  showOnly([part]);
  if (part === "gradient") location.hash = "gradient";
}

/** Lets the style sheet know the parts that are shown where not all are. */
export function showOnly(parts) {
  for (const each of document.querySelectorAll(".shown")) each.classList.remove("shown");
  for (const part of parts) document.querySelector(PARTS[part]).classList.add("shown");
}

/** The step of the guide that the address names, of so many; null for the free mode. A place on the page named later counts. */
export function guideStep(count) {
  const place = /^#guide(?:-(\d+))?$/.exec(location.hash);
  if (location.hash && !place) return null;
  const number = Number(place ? (place[1] ?? 1) : asked.get("guide"));
  return Number.isInteger(number) && number >= 1 && number <= count ? number : null;
}

/** A link that opens a step of the guide in a language. */
export const linkToGuide = (step, language) => here({ guide: step, lang: language });

function here(query) {
  const link = new URL(location.href.split(/[?#]/)[0]);
  link.search = new URLSearchParams(query);
  return link.href;
}

/** A link that opens a story and a question, a network, a token and the changes that are made, in a language. */
export function linkTo({ text, question, chosen, at, remove, drop, keep, language }) {
  const changes = Object.entries({ remove, drop, keep }).filter(([, made]) => made.length);
  return here({
    story: text,
    question,
    ...(chosen === null ? {} : { network: chosen }),
    ...(at === null ? {} : { step: at + 1 }),
    ...Object.fromEntries(changes.map(([kind, made]) => [kind, made.map((token) => token + 1)])),
    lang: language,
  });
}
