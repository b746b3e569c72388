"use strict";
// The language: the page works without this script (the style sheet follows the two buttons); it adds the
// document's language and title, and remembers the choice where the browser lets a local file remember.
const root = document.documentElement;
const title = document.querySelector("title");
const titles = { en: title.textContent, "zh-Hant": title.dataset.zh };
const buttons = [...document.querySelectorAll("input[name=language]")];
const place = "keepgate-report-language";

function speak(language, remember) {
  for (const button of buttons) button.checked = button.value === language;
  root.lang = language;
  title.textContent = titles[language];
  if (!remember) return;
  try { localStorage.setItem(place, language); } catch { /* a local file may not be allowed to */ }
}

let chosen = null;
try { chosen = localStorage.getItem(place); } catch { /* nor to read */ }
if (!(chosen in titles)) chosen = /^zh\b/i.test(navigator.language) ? "zh-Hant" : "en";
speak(chosen, false);
for (const button of buttons) button.addEventListener("change", () => speak(button.value, true));

// The values beside the pointer, or beside the place that the arrow keys chose.
const tip = document.getElementById("tip");

function show(svg, hover, index, near) {
  const [left, right] = svg.dataset.plot.split(" ").map(Number);
  const x = left + hover.x[index] * (right - left);
  const guide = svg.querySelector(".guide");
  guide.setAttribute("x1", x);
  guide.setAttribute("x2", x);
  guide.classList.add("on");
  const head = document.createElement("b");
  head.textContent = hover.at[index];
  const rows = hover.curves.map((curve) => {
    const row = document.createElement("div");
    const name = document.createElement("span");
    const value = document.createElement("span");
    name.className = "name series-" + curve.style;
    name.textContent = curve.name;
    value.textContent = curve.values[index];
    row.append(name, value);
    return row;
  });
  tip.replaceChildren(head, ...rows);
  tip.lang = root.lang;
  tip.hidden = false;
  const box = svg.getBoundingClientRect();
  const scale = box.width / svg.viewBox.baseVal.width;
  const over = box.left + x * scale;
  const flip = over + tip.offsetWidth + 24 > root.clientWidth;
  tip.style.left = Math.max(8, flip ? over - tip.offsetWidth - 14 : over + 14) + window.scrollX + "px";
  tip.style.top = (near ?? box.top + box.height / 3) + window.scrollY + 12 + "px";
}

function hide(svg) {
  tip.hidden = true;
  svg.querySelector(".guide").classList.remove("on");
}

for (const box of document.querySelectorAll("[data-hover]")) {
  const hover = JSON.parse(box.dataset.hover);
  if (!hover.x.length) continue;
  for (const svg of box.querySelectorAll("svg[data-plot]")) {
    let index = 0;
    svg.setAttribute("tabindex", "0");
    svg.addEventListener("pointermove", (event) => {
      const bounds = svg.getBoundingClientRect();
      const [left, right] = svg.dataset.plot.split(" ").map(Number);
      const at = ((event.clientX - bounds.left) * svg.viewBox.baseVal.width) / bounds.width;
      const share = (at - left) / (right - left);
      const away = hover.x.map((x) => Math.abs(x - share));
      index = away.indexOf(Math.min(...away));
      show(svg, hover, index, event.clientY);
    });
    svg.addEventListener("pointerleave", () => hide(svg));
    svg.addEventListener("focusin", () => { if (svg.matches(":focus-visible")) show(svg, hover, index); });
    svg.addEventListener("focusout", () => hide(svg));
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "Escape") hide(svg);
      if (!step) return;
      event.preventDefault();
      index = Math.min(hover.x.length - 1, Math.max(0, index + step));
      show(svg, hover, index);
    });
  }
}

// On paper the tables behind curves are open; the strips have their values written in them.
window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("[data-hover] ~ details")) details.open = true;
});
