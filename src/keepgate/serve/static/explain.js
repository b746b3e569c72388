// Asks the server what a token's write came to, or what carries the answer, and keeps what it says for the panel.

import { ask, askAhead, during, forget } from "./api.js";
import { announce } from "./dom.js";
import { followed } from "./followed.js";
import { percent } from "./numbers.js";
import { isGated, on, question, reading, set, state, strip } from "./state.js";
import { explain, quoted, t } from "./words.js";

/** Has the origin of the answer that is looked into ready by the time somebody asks for it, where that is not in others' way. */
export function startExplain() {
  on(["readings", "chosen"], () => reading() && !state.beforehand && askAhead("answer", question()));
}

/** What a token wrote, what is left of it, who erased it; in all units or in one. */
export async function explainToken(token, unit = null) {
  if (!reading()) return;
  forget("answer");
  const same = state.explained?.token === token;
  set({ at: token, explained: { token, unit }, retention: same ? state.retention : null, explainFault: null });
  if (!isGated(state.chosen)) {
    failed({ code: "no_memory", facts: {}, message: "" });
    if (!state.origin) await fetchOrigin();
    return;
  }
  await during(
    "token",
    async () => {
      const { layer, reverse } = strip();
      const retention = await ask("token", { ...question(), token, unit, layer, reverse });
      set({ retention });
      announce(t("token.left.said", { token: quoted(reading().tokens[token]), share: percent(followed().at_end) }));
    },
    failed,
  );
}

/** Which words carry the answer, each proven by taking it out. */
export async function explainAnswer() {
  if (!reading()) return;
  forget("token");
  set({ explained: "answer", retention: null, explainFault: null });
  if (!state.origin) await fetchOrigin();
}

async function fetchOrigin() {
  await during(
    "answer",
    async () => set({ origin: await ask("answer", question()) }),
    failed,
  );
}

/** Closes the explanation. */
export function closeExplained() {
  forget("token", "answer");
  set({ explained: null, retention: null, explainFault: null });
}

function failed(fault) {
  set({ explainFault: fault });
  announce(explain(fault));
}
