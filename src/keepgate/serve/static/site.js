// The page without a server: the networks are in its folder, and run in the browser.

import { browserEngine } from "./engine/browser.js";
import { Fault } from "./fault.js";
import { start } from "./page.js";

/** Runs a script beside the page, which a page from a file may load too; gives what it made known by a name. */
function script(file, name) {
  return new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = file;
    element.addEventListener("load", () => resolve(globalThis.keepgate[name]));
    element.addEventListener("error", () => reject(new Fault("no_file", `${file} is missing`, { file })));
    document.head.append(element);
  });
}

document.querySelector('[data-word="footer"]').dataset.word = "footer.site"; // where it is computed
const basics = JSON.parse(document.getElementById("basics").textContent);
const worker = () => script("engine.js", "worker");
start(browserEngine({ basics, worker, load: (language) => script(`networks.${language}.js`, language) }), rest);

/** The rest of the page, and its words. */
async function rest() {
  const { run, words } = await script("rest.js", "rest");
  for (const [language, more] of Object.entries(words)) Object.assign(basics.words[language], more);
  keepForOffline();
  return run(globalThis.keepgate.made);
}

/** From the next visit on no network is needed, where a browser may keep files: not for a file, nor in a sandbox. */
async function keepForOffline() {
  if (!location.protocol.startsWith("http")) return;
  try {
    await navigator.serviceWorker?.register("offline.js");
  } catch {
    // The page itself needs nothing of it.
  }
}
