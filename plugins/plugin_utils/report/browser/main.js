/* Copyright (c) 2026, the nodenet.fabric authors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The page's start. */
(async () => {
  "use strict";
  const element = (id) => document.getElementById(id);
  const data = JSON.parse(element("data").textContent);
  const { html } = draw;

  function theme() {
    const root = document.documentElement, button = element("theme");
    const apply = (name) => { root.dataset.theme = name; button.textContent = name === "dark" ? "Light colours" : "Dark colours"; };
    const wanted = window.matchMedia("(prefers-color-scheme: dark)");
    apply(wanted.matches ? "dark" : "light");
    wanted.addEventListener("change", () => apply(wanted.matches ? "dark" : "light"));
    button.addEventListener("click", () => apply(root.dataset.theme === "dark" ? "light" : "dark"));
    // paper is white
    let before;
    window.addEventListener("beforeprint", () => { before = root.dataset.theme; apply("light"); });
    window.addEventListener("afterprint", () => apply(before));
  }

  function map() {
    const all = data.nodes.map((node) => node.n);
    const ends = data.nodes.reduce((sum, node) => sum + node.ns.length - 1, 0);
    let unfolded = new Set(all.length <= 4 && ends <= 24 ? all : []);
    const show = () => {
      const width = Math.max(element("map").clientWidth - 4, 320);
      const found = layout.picture(data, { width, unfolded, only: null, nodes: null });
      element("map").replaceChildren(draw.picture(found, `Topology of ${data.title}`, toggle));
    };
    const toggle = (name) => {
      unfolded = new Set(unfolded);
      if (!unfolded.delete(name)) unfolded.add(name);
      show();
      const again = [...element("map").querySelectorAll("[role=button]")].find((one) => one.getAttribute("aria-label").endsWith(` ${name}`));
      if (again) again.focus();
    };
    element("unfold").addEventListener("click", () => { unfolded = new Set(all); show(); });
    element("fold").addEventListener("click", () => { unfolded = new Set(); show(); });
    let wide = window.innerWidth;
    window.addEventListener("resize", () => { if (wide !== window.innerWidth) { wide = window.innerWidth; show(); } });
    show();
  }

  function notices() {
    const lines = Object.entries(data.unreachable).map(([node, why]) => `${node} could not be asked: ${why}. What is shown of it is what the inventory says.`);
    element("notices").replaceChildren(...lines.map((line) => html("p", { class: "notice" }, line)));
  }

  function drift() {
    const place = element("drift-table");
    if (!data.compared) place.replaceChildren(html("p", {}, "No node was asked: all of this is what the inventory says, and nothing was compared."));
    else if (!data.drift.length) place.replaceChildren(html("p", {}, "None: every node that was asked is as the inventory says."));
    else {
      const head = ["Node", "Namespace", "What", "State", "Declared"].map((one) => html("th", { scope: "col" }, one));
      const rows = data.drift.map(([node, netns, kind, text, word, declared, owner, command]) => {
        const said = declared ? [html("code", {}, declared)] : [word === "foreign" ? "not the fabric's" : word === "left over" ? "the inventory no longer says it" : ""];
        const byHand = command ? [html("span", { class: "note" }, " by hand: "), html("code", {}, command)] : [];
        return html("tr", {}, html("td", {}, node), html("td", {}, netns || "the node's own"), html("td", {}, `${kind} `, html("code", {}, text)),
          html("td", { class: word }, word), html("td", {}, ...said, owner ? ` (set ${owner})` : "", ...byHand));
      });
      const mend = html("p", { class: "note" }, "What is missing, altered or left over is mended by ansible-playbook … nodenet.fabric.site; what is foreign stays.");
      place.replaceChildren(html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of drift" },
        html("table", { class: "data" }, html("thead", {}, html("tr", {}, ...head)), html("tbody", {}, ...rows))), mend);
    }
    if (data.unknown.length) {
      element("unknown").replaceChildren(html("h3", {}, "What may decide about packets and is not looked at"),
        html("ul", {}, ...data.unknown.map(([node, text]) => html("li", {}, `${node}: ${text}`))));
    }
  }

  function selects(choose) {
    for (const id of ["from", "to"]) {
      const ends = data.ends.map((end, number) => [end[0], end[1], number]).filter((end) => id === "to" || end[1] !== "");
      element(id).replaceChildren(...ends.map(([label, _node, number]) => html("option", { value: number }, label)));
      element(id).addEventListener("change", () => choose(Number(element("from").value), Number(element("to").value), false));
    }
  }

  theme();
  notices();
  map();
  drift();
  let grid = null;
  const choose = (from, to, move) => {
    element("from").value = from;
    element("to").value = to;
    walks.choose(from, to);
    grid.mark(from, to);
    if (move) { element("walk").scrollIntoView(); element("player").focus({ preventScroll: true }); }
  };
  grid = matrix.show(data, choose);
  selects(choose);
  walks.start(data);
  await walks.unpack(element("walks").textContent);
  const pairs = data.pairs.map((row) => matrix.pair(row, data));
  // what is wrong first, else one that passes from node to node
  const first = pairs.find((one) => one.verdict !== "delivered" && !one.free) ||
    pairs.find((one) => data.ends[one.from][1] !== data.ends[one.to][1] && !one.free) || pairs[0];
  if (first) choose(first.from, first.to, false);
  document.documentElement.dataset.ready = "yes";
})();
