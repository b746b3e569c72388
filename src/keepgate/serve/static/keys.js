// The list of keys, so that nobody has to guess them.

import { $, el, fill } from "./dom.js";
import { on } from "./state.js";
import { t } from "./words.js";

const KEYS = [
  ["Tab", "tab"],
  ["← → ↑ ↓", "arrows"],
  ["Home End Page↑ Page↓", "far"],
  ["Enter", "enter"],
  ["x", "x"],
  ["w", "w"],
  ["k", "k"],
  ["Shift x, Shift k", "all"],
  ["Esc", "escape"],
  ["Ctrl Enter", "read"],
];
const EVERYWHERE = 1; // so many of them are of use on the page of the gradient, too

let page = "read";

/** Shows the list in the reader's language. */
export function startKeys() {
  on(["language"], show);
  document.addEventListener("page-turned", ({ detail }) => {
    page = detail;
    show();
  });
  show();
}

function show() {
  fill(
    $("keys"),
    KEYS.slice(0, page === "gradient" ? EVERYWHERE : KEYS.length).map(([key, name]) =>
      el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, t(`keys.${name}`))),
    ),
  );
}
