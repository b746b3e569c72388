// The page without a server: the networks are in its folder, and run in the browser.

import { browserEngine } from "./engine/browser.js";
import { Fault } from "./fault.js";
import { start } from "./page.js";

/** A language's networks, from a script beside the page: what a page from a file may load. */
function load(language) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const file = `networks.${language}.js`;
    script.src = file;
    script.addEventListener("load", () => resolve(globalThis.keepgate[language]));
    script.addEventListener("error", () => reject(new Fault("no_file", `${file} is missing`, { file })));
    document.head.append(script);
  });
}

document.querySelector('[data-word="footer"]').dataset.word = "footer.site"; // where it is computed
start(browserEngine({ basics: globalThis.keepgate.basics, source: globalThis.keepgate.worker, load }));
