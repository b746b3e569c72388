// The link from the page for texts to the one for series, where models that read series are served.

import { $, el } from "../dom.js";
import { reply } from "../engine/server.js";
import { on } from "../state.js";
import { language } from "../words.js";

/** Puts the link beside those to the other pages. */
export async function linkToSeries() {
  const { models } = await reply("api/series/models");
  if (!models.length) return;
  const link = el("a", { href: "series/", id: "to-series" });
  $("to-gradient").after(link);
  const show = async () => (link.textContent = (await reply(`series/words.${language()}.json`)).series["nav.series"]);
  on(["language"], show);
  await show();
}
