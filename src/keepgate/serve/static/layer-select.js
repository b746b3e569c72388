// Which layer and direction of a network is looked at, where it has several.

import { $, el, fill } from "./dom.js";
import { lastForward, on, reading, set, state } from "./state.js";
import { t } from "./words.js";

/** Shows the choice where there is one. */
export function startLayerSelect() {
  $("place").addEventListener("change", () =>
    set({ layerIndex: Number($("place").value), explained: null, retention: null }),
  );
  on(["readings", "chosen"], () => set({ layerIndex: lastForward() }));
  on(["readings", "chosen", "language", "layerIndex"], show);
}

function show() {
  const strips = reading()?.strips ?? [];
  $("place-label").hidden = strips.length < 2;
  // As the reader reads first: forwards.
  const order = [...strips.keys()].sort((a, b) => strips[a].reverse - strips[b].reverse || a - b);
  fill(
    $("place"),
    order.map((k) => {
      const { layer, reverse } = strips[k];
      const text = t(reverse ? "strip.backward" : "strip.forward", { layer: layer + 1 });
      return el("option", { value: k, selected: k === state.layerIndex }, text);
    }),
  );
}
