// Asks the server what a token's write came to, or what carries the answer, and keeps what it says for the panel.

import { ask, during, forget } from "./api.js";
import { announce } from "./dom.js";
import { percent } from "./numbers.js";
import { isGated, reading, set, state, strip } from "./state.js";
import { explain, quoted, t } from "./words.js";

/** What a token wrote, what is left of it, who erased it; in all units or in one. */
export async function explainToken(token, unit = null) {
  if (!reading()) return;
  forget("answer");
  const same = state.open?.token === token;
  set({ at: token, open: { token, unit }, fate: same ? state.fate : null, openFault: null });
  if (!isGated(state.chosen)) {
    failed({ code: "no_memory", facts: {}, message: "" });
    if (!state.carriers) await fetchCarriers();
    return;
  }
  await during(
    "token",
    async () => {
      const { layer, reverse } = strip();
      const fate = await ask("token", "/api/token", { ...question(), token, unit, layer, reverse });
      set({ fate });
      announce(t("token.left.said", { token: quoted(reading().tokens[token]), share: percent(fate.at_end) }));
    },
    failed,
  );
}

/** Which writes carry the answer, each proven by leaving it out. */
export async function explainAnswer() {
  if (!reading()) return;
  forget("token");
  set({ open: "answer", fate: null, openFault: null });
  if (!state.carriers) await fetchCarriers();
}

async function fetchCarriers() {
  await during(
    "answer",
    async () => set({ carriers: await ask("answer", "/api/answer", question()) }),
    failed,
  );
}

/** Closes the explanation. */
export function closeExplained() {
  forget("token", "answer");
  set({ open: null, fate: null, openFault: null });
}

function failed(fault) {
  set({ openFault: fault });
  announce(explain(fault));
}

const question = () => ({ text: state.text, question: state.question, model: state.chosen });
