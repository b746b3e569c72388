// The link from the page for texts to the one for series, where models that read series are served.

import { $, el } from "../dom.js";
import { reply } from "../engine/server.js";
import { t } from "../words.js";

/** Puts the link beside those to the other pages. */
export async function linkToSeries() {
  const { models } = await reply("api/series/models");
  if (models.length) $("to-gradient").after(el("a", { href: "series/", id: "to-series", "data-word": "nav.series" }, t("nav.series")));
}
