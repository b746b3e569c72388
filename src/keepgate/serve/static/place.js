// Which layer and direction of a network is looked at, where it has several.

import { $, el, fill } from "./dom.js";
import { on, reading, set, state } from "./state.js";
import { t } from "./words.js";

/** Shows the choice where there is one. */
export function startPlace() {
  $("place").addEventListener("change", () =>
    set({ place: Number($("place").value), open: null, fate: null }),
  );
  on(["readings", "chosen"], () => set({ place: (reading()?.strips.length ?? 1) - 1 }));
  on(["readings", "chosen", "language", "place"], show);
}

function show() {
  const strips = reading()?.strips ?? [];
  $("place-label").hidden = strips.length < 2;
  fill(
    $("place"),
    strips.map(({ layer, reverse }, k) =>
      el(
        "option",
        { value: k, selected: k === state.place },
        t(reverse ? "strip.backward" : "strip.forward", { layer: layer + 1 }),
      ),
    ),
  );
}
