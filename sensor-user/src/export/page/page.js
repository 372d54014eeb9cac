"use strict";
// Draws the sensor's snapshot anew every few seconds. Texts go in by textContent alone: none is ever markup.

const ROWS = 15;
const EVERY = 5000;
const whole = new Intl.NumberFormat("en");
const rateFormat = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
// The last reading that was new, and the rates between it and the one before.
let last = null;
let rates = { seen: null, rows: new Map() };

function byId(id) {
  return document.getElementById(id);
}

function totals(snapshot) {
  const rows = new Map();
  for (const row of snapshot.ports) rows.set(`port ${row.port}/${row.transport}`, row.packets);
  for (const row of snapshot.source_regions) rows.set(`region ${row.source_region}`, row.packets);
  return rows;
}

// Rates change only with a new reading; a sensor that began again has none yet.
function learn(snapshot) {
  const now = { to: Date.parse(snapshot.to), from: snapshot.from, seen: snapshot.seen, rows: totals(snapshot) };
  if (last && now.to === last.to) return;
  const seconds = last && last.from === now.from ? (now.to - last.to) / 1000 : 0;
  rates = { seen: null, rows: new Map() };
  if (seconds > 0 && now.seen >= last.seen) {
    rates.seen = (now.seen - last.seen) / seconds;
    for (const [key, packets] of now.rows) {
      if (last.rows.has(key)) rates.rows.set(key, (packets - last.rows.get(key)) / seconds);
    }
  }
  last = now;
}

function cell(kind, text, name) {
  const element = document.createElement(kind);
  element.textContent = text;
  element.className = name;
  return element;
}

// rows: [{name, packets, rate, mirai, sources}]; a column that no row fills is left out.
function draw(id, heading, rows) {
  const columns = [["packets", "packets", (row) => whole.format(row.packets)]];
  columns.push(["rate", "per s", (row) => (row.rate === undefined ? "" : rateFormat.format(row.rate))]);
  columns.push(["mirai", "Mirai", (row) => (row.mirai ? whole.format(row.mirai) : "")]);
  columns.push(["sources", "sources", (row) => (row.sources == null ? "" : whole.format(row.sources))]);
  const used = columns.filter(([key]) => rows.some((row) => row[key] !== undefined && row[key] !== null));
  const head = document.createElement("tr");
  head.append(cell("th", heading, ""), ...used.map(([, title]) => cell("th", title, "figure")));
  const most = Math.max(1, ...rows.map((row) => row.packets));
  const lines = rows.map((row) => {
    const line = document.createElement("tr");
    const name = cell("td", row.name, "name");
    name.style.setProperty("--share", `${(100 * row.packets) / most}%`);
    line.append(name, ...used.map(([, , text]) => cell("td", text(row), "figure")));
    return line;
  });
  byId(id).replaceChildren(head, ...lines);
}

function regionName(code) {
  const special = { ZZ: "unknown", XB: "never routable" };
  if (special[code]) return `${code} ${special[code]}`;
  try {
    return `${code} ${new Intl.DisplayNames(["en"], { type: "region" }).of(code)}`;
  } catch {
    return code;
  }
}

function show(snapshot) {
  learn(snapshot);
  byId("sensor").textContent = `${snapshot.sensor}, ${snapshot.xdp_mode}, since ${new Date(snapshot.from).toLocaleString()}`;
  byId("seen").textContent = whole.format(snapshot.seen);
  byId("rate").textContent = rates.seen === null ? "–" : rateFormat.format(rates.seen);
  const unique = snapshot.unique_sources ? snapshot.unique_sources.all : undefined;
  byId("sources").textContent = unique === undefined ? "–" : whole.format(unique);
  const mirai = snapshot.tools.find((tool) => tool.tool === "mirai");
  byId("mirai").textContent = whole.format(mirai ? mirai.packets : 0);
  const difference = byId("difference");
  difference.textContent = whole.format(snapshot.conservation.difference);
  difference.className = snapshot.conservation.difference === 0 ? "" : "bad";
  byId("lost").textContent = whole.format(snapshot.conservation.packets_lost_detail);
  draw("ports", "port", snapshot.ports.map((row) => ({
    name: `${row.port}/${row.transport}`, packets: row.packets, mirai: row.mirai, sources: row.sources,
    rate: rates.rows.get(`port ${row.port}/${row.transport}`),
  })));
  draw("regions", "region", snapshot.source_regions.map((row) => ({
    name: regionName(row.source_region), packets: row.packets, mirai: row.mirai, sources: row.sources,
    rate: rates.rows.get(`region ${row.source_region}`),
  })));
  draw("tools", "tool", snapshot.tools.map((row) => ({
    name: row.certainty && row.certainty !== "sure" ? `${row.tool} (${row.certainty})` : row.tool,
    packets: row.packets, sources: row.sources,
  })));
  const classes = Object.entries(snapshot.classes).filter(([, packets]) => packets > 0);
  draw("classes", "class", classes.sort((a, b) => b[1] - a[1]).map(([name, packets]) => ({ name, packets })));
  say(`Read ${new Date(snapshot.to).toLocaleTimeString()}.`, false);
}

function say(text, bad) {
  const state = byId("state");
  state.textContent = text;
  state.className = bad ? "notice bad" : "notice";
}

// Where the snapshot is, seen from this page. A page that was opened with user and password in its address may ask for no
// address that has them; the browser knows them all the same.
function snapshotAddress() {
  const address = new URL(`api/v1/snapshot?limit=${ROWS}`, document.baseURI);
  address.username = "";
  address.password = "";
  return address;
}

async function ask() {
  try {
    const answer = await fetch(snapshotAddress(), { cache: "no-store" });
    if (answer.ok) show(await answer.json());
    else say(`The sensor answers with status ${answer.status}: ${(await answer.text()).slice(0, 200)}`, true);
  } catch (error) {
    say(`The sensor does not answer (${error.message}). What is shown is old.`, true);
  } finally {
    setTimeout(ask, EVERY);
  }
}

ask();
