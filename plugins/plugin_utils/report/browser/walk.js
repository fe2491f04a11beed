/* Copyright (c) 2026, the nodenet.fabric authors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The walk of one pair, step by step. */
const walks = (() => {
  "use strict";
  const TITLES = { send: "A program sends", route: "Route lookup", neighbor: "MAC of the next hop", out: "The frame leaves by the device",
    in: "The frame arrives at the device", bridge: "The bridge forwards", fdb: "VXLAN forwarding entry: to which node", encapsulate: "Encapsulated: headers are added",
    decapsulate: "Decapsulated: headers are taken off", nat: "NAT changes addresses", filter: "A filter rule decides", check: "A check of the kernel",
    underlay: "Over the underlay", deliver: "Delivered", drop: "Dropped" };
  const element = (id) => document.getElementById(id);
  let packed, data, way, at, timer, found, marks, pair, direction;

  /* The walks of the page: JSON, compressed, in base64. */
  async function unpack(text) {
    const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const content = JSON.parse(await new Response(stream).text());
    packed = content;
    packed.by = new Map(content.walks.map((row) => [`${row[0]} ${row[1]}`, row]));
  }

  function hop(number, ends) {
    const [node, netns, device, action, entry, packet, reason, answer] = packed.hops[number];
    const text = (one) => (one < 0 ? "" : packed.texts[one]);
    return { node: text(node), netns: text(netns), device: text(device), action: text(action), reason: text(reason),
      entry: entry < 0 ? null : packed.entries[entry], answer: answer < 0 ? null : packed.answers[answer],
      packet: packet < 0 ? [] : packed.packets[packet].map((one) => header(packed.headers[one], ends)) };
  }

  /* 0 and 1 stand for the addresses of the pair. */
  function header(packedOne, ends) {
    const found = { ...packedOne };
    for (const name of ["src", "dst"]) if (typeof found[name] === "number") found[name] = ends[found[name]];
    return found;
  }

  function unpackWay(row, ends) {
    let place = 0;
    return row && { verdict: row[0], reason: row[1], mtu: row[2], hops: row[3].map((step) => hop(place += step, ends)) };
  }

  const place = (one) => [one.node, one.netns, one.device].filter(Boolean).join(" › ");

  function choose(from, to) {
    pair = { from, to };
    const row = packed.by.get(`${from} ${to}`);
    pair.forward = row ? unpackWay(row[3], row[2]) : null;
    pair.reverse = row ? unpackWay(row[4], row[2]) : null;
    turn("forward");
  }

  function turn(to) {
    direction = to;
    way = pair[to];
    element("forward").setAttribute("aria-pressed", String(to === "forward"));
    element("reverse").setAttribute("aria-pressed", String(to === "reverse"));
    element("reverse").disabled = !pair.reverse;
    element("forward").disabled = !pair.forward;
    verdict();
    stage();
    list();
    step(0);
  }

  function verdict() {
    const names = [data.ends[pair.from][0], data.ends[pair.to][0]];
    const line = element("verdict");
    line.className = `verdict ${way ? way.verdict : "unknown"}`;
    if (!way) {
      line.textContent = pair.from === pair.to ? "Choose two different ends." : `The walk from ${names[0]} to ${names[1]} is not in this file. Ask for it: ` +
        `ansible-playbook … nodenet.fabric.walk -e walk_from=${names[0]} -e walk_to=${names[1]}`;
      return;
    }
    const who = direction === "forward" ? `${names[0]} to ${names[1]}` : `the answer of ${names[1]} to ${names[0]}`;
    const back = direction === "forward" && pair.reverse && pair.reverse.verdict !== "delivered" ? ` The answer is ${pair.reverse.verdict}: ${pair.reverse.reason}` : "";
    line.textContent = `${who}: ${way.verdict}${way.mtu ? `, at most ${way.mtu} bytes` : ""}${way.reason ? `: ${way.reason}` : ""}.${back}`;
  }

  /* Only what the walk passes is drawn, in both directions alike. */
  function stage() {
    const only = new Set(), nodes = new Set();
    for (const one of [pair.forward, pair.reverse].filter(Boolean).flatMap((each) => each.hops)) {
      nodes.add(one.node);
      if (one.netns) only.add(layout.key(one.node, one.netns));
      if (one.device) only.add(layout.key(one.node, one.netns, one.device));
    }
    for (const [label, node, netns] of [pair.from, pair.to].map((end) => data.ends[end])) {
      if (node) nodes.add(node);
      only.add(node ? layout.key(node, netns) : layout.key("outside", label));
    }
    const frame = element("scene"), width = Math.max(frame.clientWidth - 4, 320);
    found = layout.picture(data, { width, unfolded: nodes, only, nodes });
    const names = `${data.ends[pair.from][0]} to ${data.ends[pair.to][0]}`;
    const picture = draw.picture(found, `Way from ${names}`, null);
    marks = { trail: draw.svg("polyline", { class: "trail", points: "" }), packet: draw.svg("g", { class: "packet" }), picture };
    picture.append(marks.trail, marks.packet);
    frame.replaceChildren(way ? picture : "");
  }

  /* Where the packet is at each hop; a lookup that names no device happens where the packet was. */
  function spots() {
    const inOrder = [];
    let last = null;
    const segment = (node) => (data.underlay.nodes[node] || [])[0] || "";
    for (const [number, one] of (way ? way.hops : []).entries()) {
      const keys = [one.device && layout.key(one.node, one.netns, one.device), layout.key(one.node, one.netns), layout.key(one.node)];
      const after = way.hops[number + 1];
      const routed = after && segment(after.node) !== segment(one.node);
      const outside = layout.key("outside", data.ends[direction === "forward" ? pair.to : pair.from][0]);
      if (one.action === "underlay" && !after && found.at.has(outside)) keys.unshift(outside);
      else if (one.action === "underlay") keys.unshift(routed ? layout.key("router") : layout.key("segment", segment(one.node)));
      const same = last && last.node === one.node && last.netns === one.netns;
      const name = !one.device && same && one.action !== "underlay" ? last.key : keys.find((each) => each && found.at.has(each));
      last = { node: one.node, netns: one.netns, key: name, at: found.at.get(name) };
      inOrder.push(last);
    }
    return inOrder;
  }

  function step(number) {
    const hops = way ? way.hops : [];
    at = Math.max(0, Math.min(hops.length - 1, number));
    element("count").textContent = hops.length ? `step ${at + 1} of ${hops.length}` : "";
    for (const id of ["first", "back"]) element(id).disabled = !hops.length || at === 0;
    for (const id of ["next", "last"]) element(id).disabled = !hops.length || at === hops.length - 1;
    element("play").disabled = !hops.length;
    const one = hops[at];
    element("step").replaceChildren(...(one ? describe(one) : []));
    element("stack").replaceChildren(...(one ? stack(one.packet, at ? hops[at - 1].packet : []) : []));
    [...element("list").querySelectorAll("button")].forEach((button, index) => {
      if (index === at) button.setAttribute("aria-current", "step"); else button.removeAttribute("aria-current");
    });
    if (one) move(one);
  }

  function describe(one) {
    const { html } = draw, lines = [html("p", { class: "what" }, TITLES[one.action] || one.action), html("p", { class: "note" }, place(one))];
    if (one.entry) {
      lines.push(html("p", {}, `The ${one.entry.kind} entry that decides:`), html("code", {}, one.entry.text));
      const owner = one.entry.owner ? ` (set ${one.entry.owner})` : "";
      if (one.entry.module) lines.push(html("p", { class: "note" }, `made by ${one.entry.module}${owner}, or by hand:`));
      if (one.entry.command) lines.push(html("code", {}, one.entry.command));
      if (one.entry.assumed) lines.push(html("p", { class: "note" }, "assumed: the inventory does not say it"));
    }
    if (one.answer && one.answer[0]) lines.push(html("p", {}, `answered by ${one.answer.slice(0, 3).filter(Boolean).join(" › ")}${one.answer[3] === "proxy" ? ", by proxy" : ""}`));
    if (one.reason) lines.push(html("p", {}, one.reason));
    return lines;
  }

  /* A walk knows no MAC address of what is none of the fabric's nodes. */
  const address = (text) => (text && text.startsWith("??") ? "the router's" : text || "");

  function fields(header) {
    const rest = Object.entries(header).filter(([name, value]) => !["type", "src", "dst"].includes(name) && value !== null && value !== "");
    return [header.src || header.dst ? `${address(header.src)} → ${address(header.dst)}` : "", ...rest.map(([name, value]) => `${header.type.startsWith("icmp") && name === "sport" ? "id" : name.replace(/_/g, " ")} ${value}`)]
      .filter(Boolean).join(", ");
  }

  /* Headers, the outermost first; compared from the innermost on, as the outer ones come and go. */
  function stack(now, before) {
    const items = now.map((header, number) => {
      const old = before[before.length - now.length + number];
      const state = !before.length ? "" : !old ? "grown" : old.type === header.type && fields(old) === fields(header) ? "" : "changed";
      const outer = number < now.findLastIndex((one) => one.type === "ethernet") ? "outer" : "inner";
      const said = state === "grown" ? " (new)" : state === "changed" ? " (changed)" : "";
      return draw.html("li", { class: `${header.type} ${outer} ${state}` }, draw.html("b", {}, header.type), ` ${fields(header)}${said}`);
    });
    const lost = before.length - now.length;
    if (lost > 0) items.unshift(draw.html("li", { class: "gone" }, `− ${lost} header${lost === 1 ? "" : "s"} taken off`));
    return items;
  }

  function move(one) {
    const inOrder = spots(), here = inOrder[at];
    for (const box of marks.picture.querySelectorAll("[data-key]")) box.classList.toggle("here", Boolean(here) && box.dataset.key === here.key);
    const seen = inOrder.slice(0, at + 1).filter((spot) => spot.at);
    marks.trail.setAttribute("points", seen.map((spot) => `${spot.at.x},${spot.at.y}`).join(" "));
    if (!here || !here.at) return;
    const count = Math.max(1, one.packet.length);
    marks.packet.replaceChildren(...Array.from({ length: count }, (_none, number) =>
      draw.svg("rect", { x: -13, y: -4 * count + number * 8 - 2, width: 26, height: 7, rx: 2 })));
    marks.packet.setAttribute("class", `packet${one.action === "drop" ? " lost" : ""}`);
    marks.packet.style.transform = `translate(${here.at.x + 16}px, ${here.at.y}px)`;
    const frame = element("scene");
    frame.scrollTo({ left: here.at.x - frame.clientWidth / 2, top: here.at.y - frame.clientHeight / 2, behavior: "smooth" });
  }

  function list() {
    element("list").replaceChildren(...(way ? way.hops : []).map((one, number) => {
      const text = [draw.html("span", {}, TITLES[one.action] || one.action), draw.html("span", { class: "at" }, ` ${place(one)}`)];
      if (one.entry) text.push(draw.html("code", {}, one.entry.text));
      if (one.reason) text.push(draw.html("span", {}, ` ${one.reason}`));
      return draw.html("li", {}, draw.html("button", { type: "button", onclick: () => step(number) }, ...text));
    }));
  }

  function play(on) {
    clearInterval(timer);
    timer = null;
    if (on) {
      if (at === way.hops.length - 1) step(0);
      timer = setInterval(() => { if (at >= way.hops.length - 1) play(false); else step(at + 1); }, 900);
    }
    element("play").textContent = timer ? "❚❚ Pause" : "▶ Play";
    element("play").setAttribute("aria-label", timer ? "Pause" : "Play");
  }

  function start(content) {
    data = content;
    const go = { first: () => 0, back: () => at - 1, next: () => at + 1, last: () => Infinity };
    for (const [id, to] of Object.entries(go)) element(id).addEventListener("click", () => { play(false); step(to()); });
    element("play").addEventListener("click", () => play(!timer));
    for (const id of ["forward", "reverse"]) element(id).addEventListener("click", () => { play(false); turn(id); });
    element("player").addEventListener("keydown", (event) => {
      const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: Infinity }[event.key];
      if (to !== undefined) { event.preventDefault(); play(false); step(to); }
      if (event.key === " " && event.target.id === "player" && way) { event.preventDefault(); play(!timer); }
    });
    let wide = window.innerWidth;
    window.addEventListener("resize", () => { if (pair && wide !== window.innerWidth) { wide = window.innerWidth; stage(); step(at); } });
  }

  return { unpack, start, choose };
})();
