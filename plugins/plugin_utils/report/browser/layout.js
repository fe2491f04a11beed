/* Copyright (c) 2026, the nodenet.fabric authors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Where everything of the fabric is drawn: from the page's data to boxes and lines, the same for the same data.
 * Pure: it knows no document. */
const layout = (() => {
  "use strict";
  const LINE = 17, PAD = 12, GAP = 14, DROP = 22, MOST = 36, MARGIN = 14;
  const wide = (text) => [...text].reduce((sum, one) => sum + (one.codePointAt(0) > 0x2e7f ? 2 : 1), 0);
  const cut = (text) => ([...text].length > MOST ? [...text].slice(0, MOST - 1).join("") + "…" : text);
  const span = (lines) => Math.max(...lines.map((line) => wide(line) * 7.4), 30) + 16;
  const bold = (text) => wide(text) * 10 + 16; // in the font of names
  const key = (...parts) => JSON.stringify(parts);

  /* Boxes in rows of at most `most` pixels, from x and y on; returns where they end. */
  function flow(items, x, y, most, gap = GAP) {
    let left = x, top = y, tall = 0, right = x;
    const rows = [[]];
    for (const item of items) {
      if (left > x && left + item.w > x + most) {
        top += tall + gap; left = x; tall = 0;
        rows.push([]);
      }
      item.x = left; item.y = top;
      rows[rows.length - 1].push(item);
      left += item.w + gap; tall = Math.max(tall, item.h); right = Math.max(right, left - gap);
    }
    return { right, bottom: items.length ? top + tall : y, rows };
  }

  function device(link, node, space) {
    const kind = link.t === "bridge" ? "bridge" : ["vxlan", "ipip", "sit", "gre", "wireguard"].includes(link.t) ? "tunnel" : "device";
    const head = link.n + (kind === "device" ? "" : `  ${link.t}`) + (link.down ? "  down" : "");
    const lines = [head, ...link.a, ...(link.o || [])].map(cut);
    const about = [`${link.n}, ${link.t}`, ...link.a, link.m && `MTU ${link.m}`, link.x, ...(link.o || [])];
    const marks = (link.down ? " down" : "") + (link.assumed ? " assumed" : "");
    return { kind: kind + marks, lines, about: about.filter(Boolean).join(", "), key: key(node, space, link.n), link,
      w: span(lines), h: lines.length * LINE + 6 };
  }

  /* A namespace with its devices in it, and the node's ends of their veths below. */
  function space(node, one, hosts) {
    const inner = one.d.map((link) => device(link, node, one.n));
    const ends = one.d.filter((link) => link.p && link.p[0] === "" && hosts.has(link.p[1]))
      .map((link) => ({ ...device(hosts.get(link.p[1]), node, ""), over: key(node, one.n, link.n) }));
    const box = { kind: "space", lines: [cut(one.n)], about: `namespace ${one.n}`, key: key(node, one.n), inner, ends };
    const below = ends.reduce((sum, end) => sum + end.w + GAP, -GAP);
    box.own = Math.max(bold(box.lines[0]), ...inner.map((item) => item.w + 12));
    box.w = Math.max(box.own, below);
    box.tall = 22 + inner.reduce((sum, item) => sum + item.h + 5, 0) + 3;
    box.h = box.tall + (ends.length ? DROP + Math.max(...ends.map((end) => end.h)) : 0);
    return box;
  }

  function settleSpace(box, out) {
    out.boxes.push({ ...box, w: box.own, h: box.tall });
    let y = box.y + 22, x = box.x;
    for (const item of box.inner) {
      out.boxes.push({ ...item, x: box.x + 6, y, w: box.own - 12 });
      y += item.h + 5;
    }
    for (const end of box.ends) {
      out.boxes.push({ ...end, x, y: box.y + box.tall + DROP });
      out.veths.push([end.over, end.key]);
      x += end.w + GAP;
    }
  }

  /* The inside of a node that is unfolded: namespaces at the top, bridges, then what leads out. */
  function inside(data, only, most) {
    const own = data.ns.find((one) => one.n === "") || { d: [] };
    const rest = data.ns.filter((one) => one.n !== "" && (!only || only.has(key(data.n, one.n))));
    const hosts = new Map(own.d.map((link) => [link.n, link]));
    const shown = (only ? rest : rest.slice(0, 40)).map((one) => space(data.n, one, hosts));
    const taken = new Set(data.ns.flatMap((one) => (one.n === "" ? [] : one.d))
      .filter((link) => link.p && link.p[0] === "").map((link) => link.p[1]));
    const seen = (link) => !only || !taken.has(link.n) || only.has(key(data.n, "", link.n));
    const placed = new Set(shown.flatMap((box) => box.ends.map((end) => end.key)));
    const others = own.d.filter((link) => seen(link) && !(taken.has(link.n) && !only) && !placed.has(key(data.n, "", link.n)))
      .map((link) => device(link, data.n, ""));
    const out = { boxes: [], veths: [], buses: [] };
    const top = flow(shown, PAD, 32, most, GAP);
    shown.forEach((box) => settleSpace(box, out));
    const bridges = others.filter((item) => item.kind.startsWith("bridge"));
    const leads = others.filter((item) => !item.kind.startsWith("bridge"));
    const middle = flow(bridges, PAD + 8, top.bottom + (shown.length ? DROP : 0), most - 8);
    // one bridge is as wide as what hangs on it
    if (bridges.length === 1 && top.rows.length === 1) Object.assign(bridges[0], { x: PAD, w: Math.max(bridges[0].w, top.right - PAD) });
    const low = flow(leads, PAD + 8, middle.bottom + (bridges.length ? GAP : 0), most - 8);
    for (const row of low.rows) {
      const end = Math.max(...row.map((item) => item.y + item.h));
      row.forEach((item) => { item.y = end - item.h; });
    }
    out.boxes.push(...bridges, ...leads);
    if (rest.length > shown.length) out.more = `and ${rest.length - shown.length} more namespaces`;
    out.rows = top.rows;
    out.w = Math.max(top.right, middle.right, low.right, PAD + bold(cut(data.n)) + 24) + PAD;
    out.h = low.bottom + PAD + (out.more ? LINE : 0);
    return out;
  }

  function nodeBox(data, options, most) {
    const unfolded = options.unfolded.has(data.n);
    const count = data.ns.filter((one) => one.n !== "").length;
    const addresses = (data.ns.find((one) => one.n === "") || { d: [] }).d.filter((link) => link.t !== "bridge").flatMap((link) => link.a);
    const lines = [cut(data.n), `${count} namespace${count === 1 ? "" : "s"}`, addresses.length ? cut(addresses[0]) : ""];
    if (!unfolded) return { kind: "node folded", lines, key: key(data.n), node: data.n, w: Math.max(span(lines), bold(lines[0]) + 12, 130), h: 62, data };
    const inner = inside(data, options.only, most - 2 * PAD);
    return { kind: "node", lines: [cut(data.n)], key: key(data.n), node: data.n, inner, w: inner.w, h: inner.h, data };
  }

  function place(box, picture) {
    picture.boxes.push(box);
    picture.at.set(box.key, { x: box.x + box.w / 2, y: box.y + 12 });
    if (!box.inner) return;
    for (const item of box.inner.boxes) {
      const moved = { ...item, x: item.x + box.x, y: item.y + box.y };
      picture.boxes.push(moved);
      picture.at.set(item.key, { x: moved.x + moved.w / 2, y: moved.y + (item.kind === "space" ? 12 : moved.h / 2), box: moved });
    }
    if (box.inner.more) picture.notes.push({ x: box.x + PAD, y: box.y + box.h - 8, text: box.inner.more });
    for (const [above, below] of box.inner.veths) {
      const [one, other] = [picture.at.get(above).box, picture.at.get(below).box];
      const x = Math.max(other.x + 10, Math.min(one.x + 20, other.x + other.w - 10));
      picture.lines.push({ x1: x, y1: one.y + one.h, x2: x, y2: other.y, kind: "veth" });
    }
    ports(box, picture);
    peers(box, picture);
  }

  /* Ports to their bridge: straight where nothing is between, else along the left side of the node. */
  function ports(box, picture) {
    const side = box.x + 6;
    for (const one of box.data.ns) {
      for (const link of one.d.filter((each) => each.b)) {
        const [from, to] = [link.n, link.b].map((name) => (picture.at.get(key(box.node, one.n, name)) || {}).box);
        if (!from || !to) continue;
        const x = from.x + Math.min(20, from.w / 2), end = from.y + from.h, straight = x > to.x + 4 && x < to.x + to.w - 4;
        const between = picture.boxes.some((other) => other.kind !== "node" && other.y > end && other.y + other.h <= to.y &&
          other.x < x && other.x + other.w > x && other.y >= box.y);
        if (straight && !between && to.y > end) picture.lines.push({ x1: x, y1: end, x2: x, y2: to.y, kind: "port" });
        else {
          const bus = end + 6, middle = to.y + to.h / 2;
          picture.lines.push({ x1: x, y1: end, x2: x, y2: bus, kind: "port" }, { x1: x, y1: bus, x2: side, y2: bus, kind: "port" },
            { x1: side, y1: bus, x2: side, y2: middle, kind: "port" }, { x1: side, y1: middle, x2: to.x, y2: middle, kind: "port" });
        }
      }
    }
  }

  /* Veths between two namespaces, neither of which is the node's own. */
  function peers(box, picture) {
    for (const one of box.data.ns.filter((each) => each.n !== "")) {
      for (const link of one.d.filter((each) => each.p && each.p[0] !== "" && key(one.n, each.n) < key(...each.p))) {
        const [from, to] = [[one.n, link.n], link.p].map((end) => (picture.at.get(key(box.node, ...end)) || {}).box);
        if (!from || !to) continue;
        const [first, second] = from.x < to.x ? [from, to] : [to, from];
        picture.lines.push({ x1: first.x + first.w, y1: first.y + first.h / 2, x2: second.x, y2: second.y + second.h / 2, kind: "veth" });
      }
    }
  }

  /* The node's own device on the underlay, by its kind and its addresses. */
  function uplink(box, picture) {
    if (!box.inner) return { x: box.x + box.w / 2, y: box.y + box.h };
    const own = box.inner.boxes.filter((item) => item.kind.startsWith("device") && item.key.startsWith(key(box.node, "").slice(0, -1)) &&
      !item.over && item.link && item.link.a.length);
    const found = own.map((item) => picture.at.get(item.key).box)[0];
    return found ? { x: found.x + Math.min(found.w - 12, 26), y: found.y + found.h } : { x: box.x + 30, y: box.y + box.h };
  }

  /* An L2 of the underlay: its nodes in rows, a bar below each row; drawn from (0, 0) on, as a picture of its own. */
  function band(data, prefix, nodes, options) {
    const most = Math.max(options.width - 2 * MARGIN - 40, 240);
    const local = { boxes: [], lines: [], notes: [], at: new Map() };
    const boxes = nodes.map((node) => nodeBox(node, options, most));
    const done = flow(boxes, 12, 0, most, 20 + GAP), w = Math.max(done.right + 12, 190), bars = [];
    for (const row of done.rows) {
      const tall = Math.max(...row.map((box) => box.h)), shift = 22 * bars.length;
      row.forEach((box) => { box.y += shift + tall - box.h; place(box, local); });
      const bar = row[0].y + row[0].h + 22;
      row.map((box) => uplink(box, local)).forEach((from) => local.lines.push({ x1: from.x, y1: from.y, x2: from.x, y2: bar, kind: "" }));
      bars.push(bar);
    }
    const last = bars[bars.length - 1];
    bars.forEach((bar, number) => local.boxes.push({ kind: "segment", lines: [], x: 0, y: bar, w, h: 5, key: key("bar", prefix, number) }));
    if (bars.length > 1) local.lines.push({ x1: 0.7, y1: bars[0], x2: 0.7, y2: last + 5, kind: "" });
    local.notes.push({ x: 6, y: last + 20, text: prefix ? `underlay ${prefix}` : "no segment of the underlay" });
    local.at.set(key("segment", prefix), { x: w / 2, y: last + 2 });
    return { local, w, h: last + 26, bar: last };
  }

  function merge(one, found) {
    const { local, x, y } = one;
    local.boxes.forEach((box) => { box.x += x; box.y += y; });
    local.lines.forEach((line) => { line.x1 += x; line.x2 += x; line.y1 += y; line.y2 += y; });
    local.notes.forEach((note) => { note.x += x; note.y += y; });
    for (const [name, spot] of local.at) found.at.set(name, { ...spot, x: spot.x + x, y: spot.y + y });
    for (const list of ["boxes", "lines", "notes"]) found[list].push(...local[list]);
  }

  /* Return {w, h, boxes, lines, notes, at: key -> {x, y}}.
   * options: width; unfolded, names of nodes; only, keys of namespaces and devices that are drawn, or null; nodes, their names. */
  function picture(data, options) {
    const found = { boxes: [], lines: [], notes: [], at: new Map() };
    const chosen = data.nodes.filter((node) => !options.nodes || options.nodes.has(node.n));
    const first = (node) => (data.underlay.nodes[node.n] || [])[0] || "";
    const prefixes = [...new Set([...data.underlay.segments, ""])].filter((prefix) => chosen.some((node) => first(node) === prefix));
    const bands = prefixes.map((prefix) => band(data, prefix, chosen.filter((node) => first(node) === prefix), options));
    const done = flow(bands, MARGIN + 10, MARGIN, Math.max(options.width - 2 * MARGIN - 20, 240), 28);
    bands.forEach((one) => merge(one, found));
    const low = below(data, options, done, bands, found);
    found.w = Math.max(done.right, low.right) + MARGIN;
    found.h = low.bottom + MARGIN;
    return found;
  }

  /* The router between segments, and the hosts outside, with a line to every segment's bar. */
  function below(data, options, done, bands, found) {
    const items = [];
    if (bands.length > 1) items.push({ kind: "router", lines: ["router"], key: key("router"), w: 90, h: 28 });
    for (const one of data.underlay.outside || []) {
      const lines = [cut(one.name), cut(one.address)];
      if (!options.only || options.only.has(key("outside", one.name))) {
        items.push({ kind: "outside", lines, key: key("outside", one.name), w: Math.max(span(lines), bold(lines[0])), h: 2 * LINE + 8 });
      }
    }
    if (!items.length || !bands.length) return { right: done.right, bottom: done.bottom };
    const spine = MARGIN - 4, buses = done.rows.map((row) => Math.max(...row.map((one) => one.y + one.h)) + 6);
    done.rows.forEach((row, number) => {
      const ends = row.map((one) => one.x + one.w - 4);
      row.forEach((one, index) => found.lines.push({ x1: ends[index], y1: one.y + one.bar, x2: ends[index], y2: buses[number], kind: "routed" }));
      found.lines.push({ x1: spine, y1: buses[number], x2: Math.max(...ends), y2: buses[number], kind: "routed" });
    });
    const placed = flow(items, MARGIN + 10, buses[buses.length - 1] + 16, Math.max(options.width - 2 * MARGIN - 20, 240));
    const bus = buses[buses.length - 1];
    found.lines.push({ x1: spine, y1: buses[0], x2: spine, y2: bus, kind: "routed" });
    for (const row of placed.rows) {
      const top = row[0].y - 8;
      if (top > bus) found.lines.push({ x1: spine, y1: bus, x2: spine, y2: top, kind: "routed" });
      found.lines.push({ x1: spine, y1: top, x2: row[row.length - 1].x + 20, y2: top, kind: "routed" });
      row.forEach((item) => found.lines.push({ x1: item.x + 20, y1: top, x2: item.x + 20, y2: item.y, kind: "routed" }));
    }
    found.boxes.push(...items);
    items.forEach((item) => found.at.set(item.key, { x: item.x + item.w / 2, y: item.y + item.h / 2 }));
    return { right: placed.right, bottom: placed.bottom };
  }

  return { picture, key, cut };
})();
