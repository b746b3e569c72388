// What the film shows at a step: the memory so far, and what an LSTM's gatekeepers did there.

import { film } from "./film.js";
import { unit } from "./numbers.js";
import { model, reading, state } from "./state.js";
import { t } from "./words.js";

/**
 * The film at a step. places: the tokens in the order of reading. at: which of them is read. values: the engine's reply, or null
 * while it is awaited. lettered: a name in the letters that are wanted. lit: the phase. label: what is said of the step. picked: called with a frame that is pressed.
 */
export function scene({ places, at, values, lettered, lit, label, width, picked }) {
  const { memory, cell } = model(state.chosen);
  const kept = values?.values[memory];
  const parts = values && PARTS[cell]?.(values, places[at], lettered);
  const doors = parts ? DOORS.filter((name) => parts[name]).map((name) => `${parts[name].name} ${unit(parts[name].value)}`) : [];
  return film({
    tokens: places.map((place) => reading().tokens[place]),
    at,
    memory: kept ? places.map((place) => kept[place]) : null,
    gates: parts ? { cell, parts } : null,
    lit,
    label: [label, ...doors].join(" · "),
    width,
    picked,
  });
}

const DOORS = ["f", "i", "o", "z", "r"];
const PARTS = { lstm, gru };

function lstm({ values, before }, at, lettered) {
  const gate = (letter) => ({ letter, name: lettered(letter), value: values[letter][at] });
  return {
    f: gate("f"),
    i: gate("i"),
    o: gate("o"),
    before: { name: t("film.before"), value: before.c[at] },
    g: { name: `${t("film.subplot")} ${lettered("g")}`, value: values.g[at] },
    now: { name: t("film.now"), value: values.c[at] },
    shown: { name: t("film.screen"), value: values.h[at] },
  };
}

function gru({ values, before }, at) {
  const gate = (letter) => ({ letter, name: letter, value: values[letter][at] });
  return {
    z: gate("z"),
    r: gate("r"),
    before: { name: t("film.before"), value: before.h[at] },
    n: { name: `${t("film.subplot")} n`, value: values.n[at] },
    write: { letter: "write", name: "1 − z", value: 1 - values.z[at] },
    now: { name: `${t("film.screen")} h`, value: values.h[at] },
  };
}
