// The numbers at one token, in a small box beside it and as a sentence.

import { $, el, fill } from "./dom.js";
import { gateLanes, lastLane } from "./annotations.js";
import { gateName } from "./names.js";
import { percent, unit } from "./numbers.js";
import { reading, state } from "./state.js";
import { list, t } from "./words.js";

/** Shows the numbers at a token beside a box on the screen, and returns them as a sentence; null hides them. */
export function showTooltip(token, box = null) {
  const tip = $("tip");
  const read = reading();
  if (token === null || !read || !box) {
    tip.hidden = true;
    return "";
  }
  const lanes = [...gateLanes(), lastLane()].filter(
    ({ values }) => values[token] !== null && values[token] !== undefined,
  );
  const named = lanes.map((lane) => ({
    ...lane,
    word: lane.kind === "gate" ? withLetter(lane.name) : t(`lane.${lane.kind}`),
    value: (["left", "carries"].includes(lane.kind) ? percent : unit)(lane.values[token]),
  }));
  fill(
    tip,
    el(
      "p",
      { class: "tip-token" },
      read.tokens[token],
      el("small", {}, t("token.place", { k: token + 1, n: read.tokens.length })),
    ),
    named.map(({ word, value, kind, name }) =>
      el(
        "p",
        { class: kind === "gate" ? `gate-${name}` : `lane-${kind}` },
        el("span", { class: "tip-name" }, word),
        el("span", {}, value),
      ),
    ),
    read.unknown.includes(token) ? el("p", { class: "tip-note" }, t("token.unknown")) : null,
  );
  tip.hidden = false;
  place(tip, box);
  const values = list(named.map(({ word, value }) => `${word} ${value}`));
  return t("token.said", { token: read.tokens[token], k: token + 1, n: read.tokens.length, values });
}

function place(tip, box) {
  const size = tip.getBoundingClientRect();
  const below = box.top + box.height - 8;
  const left = Math.max(
    8,
    Math.min(box.left + box.width / 2 - size.width / 2, window.innerWidth - size.width - 8),
  );
  tip.style.left = `${left}px`;
  // Under the word and its lanes: above it stand the words that say what they mean.
  const fits = below + size.height < window.innerHeight - 8;
  tip.style.top = `${fits ? below : Math.max(8, box.top - size.height - 8)}px`;
}

/** A gate's name with its letter. */
function withLetter(letter) {
  const name = gateName(state.chosen, letter);
  return name === letter ? letter : `${name} ${letter}`;
}
