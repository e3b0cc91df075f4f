#pragma once

#include <string_view>

namespace hsconas {

/// The style sheet of every page.
inline constexpr std::string_view kStyle = R"css(
:root { --paper: #fff; --ink: #1d232a; --dim: #59636e; --line: #d5dae0; --soft: #f3f5f8;
  --band: #e3e8ee; --accent: #0072b2; }
@media screen and (prefers-color-scheme: dark) {
  :root { --paper: #14181d; --ink: #e3e7ec; --dim: #9aa5b1; --line: #343c46; --soft: #1d232a;
    --band: #263140; --accent: #6cb8ea; }
  .look-0 { --c: #4fa8e0; } .look-1 { --c: #f08a4b; } .look-2 { --c: #2fc196; }
  .look-3 { --c: #dd9cc0; } .look-4 { --c: #f0b840; } .look-5 { --c: #8fd0f5; }
  .look-6 { --c: #e3e7ec; }
  .series:not([fill="none"]), .key > g:not([fill="none"]), rect[class^="look-"] { fill: var(--c); }
  .series[fill="none"], .key > path, .key > g[fill="none"] { stroke: var(--c); }
  .series:not([fill="none"]), .key > g:not([fill="none"]) { stroke: var(--paper); }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1.25rem 3rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; padding-top: .75rem;
  border-top: 1px solid var(--line); }
p, figcaption, .lead { max-width: 46rem; }
.lead, figcaption, summary { color: var(--dim); }
figure { margin: 1rem 0; }
figcaption { font-size: .9rem; }
code, pre { font: .88rem/1.45 ui-monospace, "DejaVu Sans Mono", Consolas, monospace;
  overflow-wrap: anywhere; }
pre { white-space: pre-wrap; background: var(--soft); padding: .75rem; border-radius: .4rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.6rem, 1fr)); gap: .6rem;
  margin: 1rem 0; padding: 0; }
.facts div { background: var(--soft); border-radius: .4rem; padding: .55rem .6rem; }
.facts dt { color: var(--dim); font-size: .85rem; }
.facts dd { margin: 0; font-size: 1.15rem; font-weight: 600; white-space: nowrap; }
.facts dd small { display: block; white-space: normal; font-size: .85rem; font-weight: 400; color: var(--dim); }
.drawing { overflow-x: auto; }
.drawing svg { max-width: 100%; min-width: 38rem; height: auto; display: block; fill: var(--ink); }
.table { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; font-size: .88rem; }
th, td { padding: .22rem .7rem .22rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; white-space: nowrap; color: var(--dim); }
td.long { overflow-wrap: anywhere; min-width: 16rem; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
tr.strong td { font-weight: 600; }
summary { cursor: pointer; margin-top: .75rem; }
.notice { border-left: 3px solid var(--accent); padding: .1rem .75rem; background: var(--soft); }
.paper { fill: none; } .grid { stroke: var(--ink); } .rule { stroke: var(--dim); }
.dim { fill: var(--dim); } .band { fill: var(--band); } .rest { fill: var(--dim); }
.key { cursor: default; } .live .key { cursor: pointer; }
.key.off { opacity: .35; } .series.off { display: none; }
.series .near { stroke: var(--ink); stroke-width: 2; }
.key:focus-visible { outline: 2px solid var(--accent); }
#note { position: absolute; max-width: min(30rem, 92vw); padding: .5rem .7rem; z-index: 2;
  background: var(--paper); color: var(--ink); border: 1px solid var(--dim); border-radius: .4rem;
  box-shadow: 0 3px 14px #0004; font-size: .85rem; white-space: pre-line; overflow-wrap: anywhere;
  pointer-events: none; }
#note.pinned { pointer-events: auto; border-color: var(--accent); }
@media print {
  @page { margin: 14mm; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .drawing, .table { overflow: visible; }
  .drawing svg { min-width: 0; }
  figure, tr, .facts { break-inside: avoid; }
  h2 { break-after: avoid; }
  summary { list-style: none; break-after: avoid; }
  #note { display: none; }
  .facts div, pre, .notice, .drawing { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)css";

/// The script of every page: the note of a point appears next to the pointer, a click keeps it
/// there to be copied, and entries of a legend switch their series on and off.
inline constexpr std::string_view kScript = R"js(
"use strict";
(() => {
  const reach = 14;  // Largest distance of the pointer from its point, in CSS pixels.
  const note = document.createElement("div");
  note.id = "note";
  note.hidden = true;
  note.setAttribute("role", "status");
  document.body.append(note);
  const layers = new Map();  // Layers by architecture; only the first plot contains them.
  let pinned = false;
  let near = null;

  const hide = () => {
    if (near) near.classList.remove("near");
    near = null;
    pinned = false;
    note.classList.remove("pinned");
    note.hidden = true;
  };

  const show = (point, x, y) => {
    if (near !== point.path) {
      if (near) near.classList.remove("near");
      near = point.path;
      near.classList.add("near");
      note.textContent = point.text;
    }
    note.hidden = false;
    const width = document.documentElement.clientWidth;
    const left = Math.min(x + 14, width - note.offsetWidth - 8);
    const below = y + 16 + note.offsetHeight < window.innerHeight;
    note.style.left = `${Math.max(8, left) + window.scrollX}px`;
    note.style.top = `${(below ? y + 16 : y - 12 - note.offsetHeight) + window.scrollY}px`;
  };

  for (const svg of document.querySelectorAll("svg.plot")) {
    // Titles are removed, because the browser would show them as a second tooltip.
    const points = [];
    for (const title of svg.querySelectorAll(".series > path > title")) {
      const [, x, y] = /^M(\S+) ([^a-z]+)/.exec(title.parentNode.getAttribute("d"));
      const [figures, arch, more] = title.textContent.split("\n");
      if (more) layers.set(arch, more);
      const known = more || !layers.has(arch) ? "" : `\n${layers.get(arch)}`;
      points.push({ path: title.parentNode, x: Number(x), y: Number(y),
                    text: title.textContent + known });
      title.remove();
    }
    const nearest = (event) => {
      const box = svg.getBoundingClientRect();
      const scale = box.width / svg.viewBox.baseVal.width;
      let best = null;
      let least = reach;
      for (const point of points) {
        const distance = Math.hypot(box.left + point.x * scale - event.clientX,
                                    box.top + point.y * scale - event.clientY);
        // When points are at the same place, the one drawn last is visible.
        if (distance > least || point.path.parentNode.classList.contains("off")) continue;
        best = point;
        least = distance;
      }
      return best;
    };
    svg.addEventListener("pointermove", (event) => {
      if (pinned) return;
      const point = nearest(event);
      if (point) show(point, event.clientX, event.clientY);
      else hide();
    });
    svg.addEventListener("pointerleave", () => { if (!pinned) hide(); });
    svg.addEventListener("click", (event) => {
      const point = nearest(event);
      hide();
      if (!point) return;
      show(point, event.clientX, event.clientY);
      pinned = true;
      note.classList.add("pinned");
    });
    for (const key of svg.querySelectorAll(".key")) {
      const toggle = () => {
        const off = key.classList.toggle("off");
        key.setAttribute("aria-pressed", String(!off));
        for (const series of svg.querySelectorAll(".series")) {
          if (series.dataset.series === key.dataset.series) series.classList.toggle("off", off);
        }
      };
      key.setAttribute("tabindex", "0");
      key.setAttribute("role", "button");
      key.setAttribute("aria-pressed", "true");
      key.addEventListener("click", (event) => { event.stopPropagation(); toggle(); });
      key.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        toggle();
      });
    }
    svg.classList.add("live");
    svg.setAttribute("role", "group");
  }
  window.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  window.addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details")) part.open = true;
  });
})();
)js";

}  // namespace hsconas
