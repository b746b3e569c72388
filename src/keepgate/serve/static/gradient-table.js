// The numbers of the gradient's lines at one lag, and what becomes of each in short.

import { goneBefore } from "./before-training.js";
import { lineKey } from "./curves.js";
import { el } from "./dom.js";
import { fullName } from "./names.js";
import { size } from "./numbers.js";
import { t } from "./words.js";

/** A row for each line. before: the lines from before training. at: the lag. isBefore: whether those alone are drawn. */
export function gradientTable({ lags, lines, before, at, isBefore }) {
  const columns = ["network", "begun", ...(isBefore ? [] : ["left"]), "verdict"];
  const head = el("tr", {}, columns.map((name) => el("th", { scope: "col" }, t(`gradient.${name}`, { lag: at }))));
  const number = ({ values }) => el("td", { class: "number" }, size(values[lags.indexOf(at)]));
  const rows = lines.map((line, k) =>
    el(
      "tr",
      { class: `series-${k}` },
      el("th", { scope: "row" }, lineKey(k), " ", fullName(line.model)),
      number(before[k]),
      isBefore ? null : number(line),
      el("td", {}, isBefore ? beforeText(before[k], lags) : verdictText(line, lags)),
    ),
  );
  return el("table", { class: "gradients" }, el("thead", {}, head), el("tbody", {}, rows));
}

/** How a line from before training fares, which no slider moves; none grows. */
function beforeText({ values }, lags) {
  if (values[0] === null) return size(null);
  const gone = goneBefore(values);
  return t(gone === null ? "gradient.arrives" : "gradient.gone", { lag: lags[gone ?? values.length - 1] });
}

const verdictText = ({ verdict, gone, values }, lags) =>
  t(`gradient.${verdict}`, {
    times: size(values.at(-1)),
    last: size(values.at(-1)),
    lag: gone === null || verdict === "grows" ? lags.at(-1) : gone,
  });
