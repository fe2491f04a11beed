/* Copyright (c) 2026, the nodenet.fabric authors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Puts a layout into the page as SVG, and makes elements. Every text is a text node: nothing of the data becomes markup. */
const draw = (() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...(children || []).filter((one) => one !== null && one !== undefined && one !== ""));
    return element;
  }
  const html = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
  const svg = (name, attributes, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

  function box(item) {
    const lines = item.lines.map((line, number) => svg("text", { x: item.x + 8, y: item.y + 16 + number * 17,
      class: number === 0 && /node|space|outside|router/.test(item.kind) ? "name" : "" }, line));
    const about = item.about ? svg("title", {}, item.about) : null;
    const radius = item.kind === "segment" ? 0 : 5;
    return svg("g", { class: item.kind, "data-key": item.key },
      svg("rect", { x: item.x, y: item.y, width: item.w, height: item.h, rx: radius }), ...lines, about);
  }

  /* A node's box: all of it unfolds a folded one, its title folds the other. */
  function node(item, toggle) {
    const group = box(item);
    if (!toggle) return group;
    const folded = item.kind.includes("folded");
    const act = { role: "button", tabindex: 0, "aria-expanded": String(!folded), "aria-label": `${folded ? "Unfold" : "Fold"} ${item.node}`,
      onclick: () => toggle(item.node),
      onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(item.node); } } };
    if (folded) {
      fill(group, act);
      group.append(svg("text", { x: item.x + item.w - 18, y: item.y + 16 }, "+"));
      return group;
    }
    group.append(svg("g", { class: "toggle", ...act },
      svg("rect", { x: item.x + item.w - 26, y: item.y + 4, width: 20, height: 20, rx: 4 }),
      svg("text", { x: item.x + item.w - 19.6, y: item.y + 18 }, "−")));
    return group;
  }

  /* Return the SVG of a picture; toggle(name) folds and unfolds. */
  function picture(found, label, toggle) {
    const boxes = found.boxes.map((item) => (item.node ? node(item, toggle) : box(item)));
    const nodes = boxes.filter((one, number) => found.boxes[number].node);
    const others = boxes.filter((one, number) => !found.boxes[number].node);
    const lines = found.lines.map((one) => svg("line", { x1: one.x1, y1: one.y1, x2: one.x2, y2: one.y2, class: one.kind }));
    const notes = found.notes.map((one) => svg("text", { x: one.x, y: one.y, class: "small" }, one.text));
    return svg("svg", { width: found.w, height: found.h, viewBox: `0 0 ${found.w} ${found.h}`, role: "group", "aria-label": label },
      ...nodes, ...lines, ...others, ...notes);
  }

  return { html, svg, picture };
})();
