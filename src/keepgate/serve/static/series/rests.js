// What the answer rests on, by leaving out: the changes of a forecast and its shares by lag and feature, or the falls of a label's probability.

import { ask, during } from "../api.js";
import { $, button, el, fill, note, onWidth } from "../dom.js";
import { count, percent, probability } from "../numbers.js";
import { on, reading, set, state } from "../state.js";
import { explain, t } from "../words.js";
import { whenVisible } from "../when-visible.js";
import { figure, signedFigure } from "./figures.js";
import { drawLags } from "./lag-picture.js";

const LISTED = 5; // steps of a table

/** Has it computed where it is in sight, and shows it. */
export function startRests() {
  const visibility = whenVisible($("rests"), fetchRests);
  on(["readings"], () => {
    set({ rests: null, restsFault: null });
    if (reading()) visibility.touch();
  });
  on(["rests", "restsFault", "language"], show);
  onWidth($("rests"), show);
}

function again() {
  set({ restsFault: null });
  fetchRests();
}

async function fetchRests() {
  await during(
    "rests",
    async () => set({ rests: await ask("rests"), restsFault: null }),
    (restsFault) => set({ restsFault }),
  );
}

/** What is lost or changed without each step, as a lane of the picture, relative to the largest, null where none was tried; null while unknown. */
export function restsLane() {
  const { rests } = state;
  if (!rests) return null;
  const sizes = (rests.changes ?? rests.drops).map((value) => value && (rests.changes ? Math.abs(value) : Math.max(0, value)));
  const most = Math.max(...sizes, 1e-30);
  return { label: t("lane.rests.short"), name: "rests", kind: "rests", colour: "accent", values: sizes.map((value) => value && value / most), cells: (k) => k };
}

function show() {
  const { rests, restsFault: fault } = state;
  if (!reading()) return;
  if (fault) return fill($("rests-on"), el("p", { class: "fault" }, explain(fault)), button(t("rests.again"), again));
  if (!rests) return fill($("rests-on"), note(t("waiting")));
  fill($("rests-on"), rests.changes ? ofNumber(rests) : ofLabel(rests));
}

const lagOf = (step) => reading().times.length - 1 - step;
const lagName = (lag) => (lag ? `t−${count(lag)}` : "t");

function ofNumber(rests) {
  const { times, forecast } = reading();
  const top = [...rests.changes.keys()]
    .filter((step) => rests.changes[step] !== null)
    .sort((a, b) => Math.abs(rests.changes[b]) - Math.abs(rests.changes[a]))
    .slice(0, LISTED);
  const rows = top.map((step) => [lagName(lagOf(step)), times[step], signedFigure(rests.changes[step])]);
  return [
    rests.shares ? shares(rests, forecast) : note(t("rests.no_shares")),
    el("h3", {}, t("rests.left_out")),
    note(t("rests.left_out.how", { number: figure(rests.number) })),
    table([t("rests.lag"), t("rests.time"), t("rests.change")], rows),
    rests.look_back ? note(t("rests.look_back", { n: count(rests.look_back.steps), of: count(rests.look_back.of) })) : null,
  ];
}

function shares({ shares: { kind, features, values, baseline, complete }, number }) {
  const parts = { number: figure(number), baseline: figure(baseline), difference: signedFigure(number - baseline) };
  const rows = features.map((name, k) => ({ name, values: values[k], total: signedFigure(values[k].reduce((sum, value) => sum + value, 0)) }));
  const label = t("rests.picture", { features: rows.map(({ name, total }) => `${name} ${total}`).join(", ") });
  return [
    el("h3", {}, t("rests.shares")),
    note(t(kind === "held" ? "rests.held" : complete ? "rests.integrated" : "rests.incomplete", parts)),
    drawLags({ rows, width: Math.max(260, $("rests-on").clientWidth), x: t("rests.x"), label, lagName }),
  ];
}

function ofLabel({ pieces, steps }) {
  const { answer } = reading();
  const row = ({ from, to, share, without }) => [
    to - from > 1 ? t("rests.steps", { from: count(from + 1), to: count(to) }) : t("rests.step", { k: count(from + 1) }),
    `${without.text} ${probability(without.probability)}`,
    percent(share),
  ];
  const heads = [t("rests.deleted"), t("rests.then"), t("rests.lost")];
  const falls = (each) => each.filter(({ share }) => share > 0).slice(0, LISTED);
  const tables = [["rests.pieces", falls([...pieces].sort((a, b) => b.share - a.share))], ["rests.single", falls(steps)]];
  const parts = { label: answer.text, p: probability(answer.probability) };
  return [
    note(t("rests.label.how", parts)),
    tables.map(([key, rows]) => [el("h3", {}, t(key)), rows.length ? table(heads, rows.map(row)) : note(t("rests.nothing"))]),
  ];
}

const table = (heads, rows) =>
  el(
    "table",
    {},
    el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", {}, rows.map(([first, ...rest]) => el("tr", {}, el("th", { scope: "row" }, first), rest.map((cell) => el("td", {}, cell))))),
  );
