/* Copyright (c) 2026, the nodenet.fabric authors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Who reaches whom: a cell for each pair, or for each pair of nodes where there are many. */
const matrix = (() => {
  "use strict";
  const MOST = 60; // rows and columns of single endpoints
  const SIGNS = { delivered: "✓", dropped: "✗", unknown: "?" };
  const RANK = { dropped: 2, unknown: 1, delivered: 0 };

  /* One pair as it is used here; `free` is one that the inventory does not promise. */
  function pair(row, data) {
    const [from, to, verdict, asked, reached, ttl, there, back, reason] = row;
    return { from, to, verdict, free: !asked, asked, reached, ttl, there, back, reason, names: [data.ends[from][0], data.ends[to][0]] };
  }

  function groups(data) {
    if (data.ends.length <= MOST) return data.ends.map((end, number) => ({ name: end[0], ends: [number] }));
    const found = new Map();
    data.ends.forEach((end, number) => {
      const name = end[1] || end[0];
      if (!found.has(name)) found.set(name, { name, ends: [] });
      found.get(name).ends.push(number);
    });
    return [...found.values()];
  }

  const bad = (one) => one.verdict !== "delivered" && !one.free;
  const worse = (one, other) => bad(other) - bad(one) || RANK[other.verdict] - RANK[one.verdict];

  function words(one) {
    const mtu = one.there ? `, at most ${one.there} bytes there` + (one.back ? ` and ${one.back} back` : "") : "";
    const ttl = one.ttl ? `, TTL of the answer ${one.ttl}` : "";
    const free = one.free ? " (the inventory does not promise it)" : "";
    return `${one.names[0]} to ${one.names[1]}: ${one.verdict}${free}${one.verdict === "delivered" ? ttl + mtu : ""}` +
      (one.reason ? `: ${one.reason}` : "");
  }

  function cell(mine, row, column) {
    if (!mine.length) return { text: row === column ? "" : "·", kind: "", label: row === column ? `${row.name} itself` : `${row.name} to ${column.name}: not walked` };
    const first = [...mine].sort(worse)[0];
    if (row.ends.length === 1 && column.ends.length === 1) {
      const text = first.verdict === "delivered" ? String(first.ttl || SIGNS.delivered) : first.free ? "·" : SIGNS[first.verdict];
      return { text, kind: first.verdict + (first.free ? " free" : ""), label: words(first), pair: first };
    }
    const faults = mine.filter(bad);
    const label = `${row.name} to ${column.name}: ${mine.length} pairs walked, ${mine.filter((one) => one.verdict === "delivered").length}` +
      ` delivered${faults.length ? `, ${faults.length} promised and not. ${words(faults[0])}` : ""}`;
    return { text: faults.length ? String(faults.length) : SIGNS[first.verdict] === "✓" ? "✓" : "·",
      kind: faults.length ? first.verdict : first.verdict === "delivered" ? "delivered" : "free", label, pair: first };
  }

  function show(data, choose) {
    const all = data.pairs.map((row) => pair(row, data)), sides = groups(data);
    const byEnds = new Map();
    const side = new Map(sides.flatMap((one) => one.ends.map((end) => [end, one])));
    for (const one of all) {
      const key = side.get(one.from).name + "\n" + side.get(one.to).name;
      if (!byEnds.has(key)) byEnds.set(key, []);
      byEnds.get(key).push(one);
    }
    const rows = sides.filter((one) => one.ends.some((end) => data.ends[end][1] !== ""));
    note(data, all, sides);
    const head = draw.html("tr", {}, draw.html("th", { scope: "col" }, "from / to"),
      ...sides.map((one) => draw.html("th", { scope: "col", title: one.name }, draw.html("span", {}, one.name))));
    const cells = rows.map((row) => sides.map((column) => {
      const found = cell(byEnds.get(row.name + "\n" + column.name) || [], row, column);
      const element = draw.html("td", { class: found.kind, tabindex: -1, "aria-label": found.label }, found.text);
      element.addEventListener("mouseenter", () => tell(found));
      element.addEventListener("focus", () => tell(found));
      element.addEventListener("click", () => { focus(element); if (found.pair) choose(found.pair.from, found.pair.to, true); });
      element.found = found;
      return element;
    }));
    const body = cells.map((line, number) => draw.html("tr", {}, draw.html("th", { scope: "row", title: rows[number].name }, rows[number].name), ...line));
    const table = draw.html("table", { role: "grid", "aria-label": "Who reaches whom" }, draw.html("thead", {}, head), draw.html("tbody", {}, ...body));
    document.getElementById("grid").replaceChildren(table);
    keys(table, cells, choose);
    return { mark: (from, to) => mark(cells, from, to) };
  }

  function note(data, all, sides) {
    const sum = (name) => all.reduce((total, one) => total + one[name], 0);
    const number = (one) => one.toLocaleString("en");
    let text = `${number(sum("reached"))} of ${number(sum("asked"))} promised pairs reach each other. A row sends, a column answers; ` +
      (sides.length === data.ends.length ? "the number is the TTL of the answer, " : "a cell is all pairs between two nodes, with the number of faults, ") +
      "✗ is not delivered, ? not known, · not promised or not walked.";
    if (all.length < data.total) text += ` Of ${number(data.total)} pairs, ${number(all.length)} were walked, those of each node's first endpoints first.`;
    document.getElementById("matrix-note").textContent = text;
  }

  function tell(found) {
    const place = document.getElementById("cell");
    place.className = "cell";
    place.textContent = found.label;
  }

  function focus(element) {
    for (const one of element.closest("table").querySelectorAll("td[tabindex='0']")) one.tabIndex = -1;
    element.tabIndex = 0;
    element.focus();
  }

  function keys(table, cells, choose) {
    if (!cells.length) return;
    const start = cells[0][Math.min(1, cells[0].length - 1)];
    start.tabIndex = 0;
    table.addEventListener("keydown", (event) => {
      const row = cells.findIndex((line) => line.includes(event.target)), column = row < 0 ? -1 : cells[row].indexOf(event.target);
      if (row < 0) return;
      const most = [cells.length - 1, cells[0].length - 1];
      const to = { ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
        Home: [event.ctrlKey ? 0 : row, 0], End: [event.ctrlKey ? most[0] : row, most[1]] }[event.key];
      if (to) {
        event.preventDefault();
        focus(cells[Math.max(0, Math.min(most[0], to[0]))][Math.max(0, Math.min(most[1], to[1]))]);
      } else if ((event.key === "Enter" || event.key === " ") && event.target.found.pair) {
        event.preventDefault();
        choose(event.target.found.pair.from, event.target.found.pair.to, true);
      }
    });
  }

  function mark(cells, from, to) {
    for (const one of cells.flat()) {
      const mine = one.found.pair && one.found.pair.from === from && one.found.pair.to === to;
      one.classList.toggle("chosen", Boolean(mine));
      if (mine) one.setAttribute("aria-selected", "true"); else one.removeAttribute("aria-selected");
    }
  }

  return { show, pair, words };
})();
