"use strict";
// Everything shown comes from the public API of the same server; what a user can see here, a script can fetch.
const $ = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const stamp = (ds) => Date.parse(ds + "T00:00:00Z") / 1000;
const day = (t) => new Date(t * 1000).toISOString().slice(0, 10);
// Six significant digits, and six decimals at most; what is smaller than those show has an exponent.
const DIGITS = { maximumSignificantDigits: 6, maximumFractionDigits: 6, roundingPriority: "lessPrecision" };
function show(y) {
  if (y == null) return "";
  return y !== 0 && Math.abs(y) < 1e-4 ? y.toExponential(3) : y.toLocaleString("en", DIGITS);
}
const LEVELS = [50, 80, 95];
const HEADS = { ds: "period from", yhat: "median" };
const UNITS = { tonne: "tonnes" };
const FANS = { 95: "--outer", 80: "--middle", 50: "--inner" };
let plot = null;
let asked = 0;

// A service that is closed asks for a key, which this tab remembers until it is closed.
function ask(path, accept) {
  const key = sessionStorage.getItem("key");
  return fetch(path, { headers: { Accept: accept, ...(key && { Authorization: `Bearer ${key}` }) } });
}

async function get(path) {
  const response = await ask(path, "application/json");
  const body = await response.json();
  if (response.status === 401) $("access").hidden = false;
  if (!response.ok) throw new Error(body.detail);
  return body;
}

function element(tag, text, parent) {
  const node = document.createElement(tag);
  node.textContent = text;
  parent.append(node);
  return node;
}

async function start() {
  const { data } = await get("/v1/series?role=target");
  const groups = new Map();
  for (const s of data) groups.set(s.measure, [...(groups.get(s.measure) ?? []), s]);
  for (const [measure, members] of groups) {
    const group = document.createElement("optgroup");
    group.label = measure;
    for (const s of members) element("option", s.series_id, group).value = s.series_id;
    $("series").append(group);
  }
  const wanted = new URLSearchParams(location.search);
  for (const name of ["series", "h", "span"]) if (wanted.get(name)) $(name).value = wanted.get(name);
  if (!wanted.get("series") || !$("series").value) $("series").value = await served(data) ?? data[0]?.series_id ?? "";
  $("ask").addEventListener("change", update);
  $("ask").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("resize", () => plot?.setSize({ width: $("chart").clientWidth, height: 360 }));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", update);
  await update();
}

// The first series that has a forecast: one that cannot be served is no page to open on.
async function served(data) {
  for (const { series_id, run } of data) {
    if (run && await get(`/v1/forecasts/${encodeURIComponent(series_id)}?h=1`).catch(() => null)) return series_id;
  }
}

async function update() {
  const turn = ++asked;
  const id = $("series").value, h = $("h").value || "12", path = encodeURIComponent(id);
  if (!id) return say("No series yet.");
  history.replaceState(null, "", "?" + new URLSearchParams({ series: id, h, span: $("span").value }));
  $("csv").href = `/v1/forecasts/${path}?h=${h}&level=${LEVELS}&format=csv`;
  try {
    const [series, observed, events] = await Promise.all([
      get(`/v1/series/${path}`), get(`/v1/series/${path}/observations`), get(`/v1/events?series_id=${path}`)]);
    const [forecast, effects, changes] = await Promise.all([
      get(`/v1/forecasts/${path}?h=${h}&level=${LEVELS}`).catch((error) => ({ error })),
      get(`/v1/series/${path}/effects`).catch(() => ({ data: [], not_estimated: [] })),
      get(`/v1/events/calendar?series_id=${path}`).catch(() => ({ data: [] }))]);
    if (turn !== asked) return;
    say(forecast.error?.message ?? "");
    draw(series, observed.data, forecast.data ?? [], { events: events.data, episodes: effects.data });
    describe(series, forecast, events.data);
    coming(changes.data);
    estimates(effects, events.data, series);
  } catch (error) {
    if (turn === asked) say(error.message);
  }
}

function say(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

// The observations with the periods between them that have none, so that no line joins what lies on both sides of a gap.
function periods(observed, freq) {
  const months = { M: 1, Q: 3, Y: 12 }[freq[0]] ?? 0, days = freq[0] === "W" ? 7 : 1, found = [];
  for (const o of observed) {
    for (let ds = found.length ? next(found.at(-1).ds) : o.ds; ds < o.ds; ds = next(ds)) found.push({ ds, y: null });
    found.push(o);
  }
  return found;

  function next(ds) {
    const date = new Date(ds + "T00:00:00Z");
    if (months) date.setUTCMonth(date.getUTCMonth() + months);
    else do date.setUTCDate(date.getUTCDate() + days); while (freq === "B" && date.getUTCDay() % 6 === 0);
    return date.toISOString().slice(0, 10);
  }
}

// A value between two gaps has no line of its own: a point.
function alone(u, series) {
  const y = u.data[series];
  return y.flatMap((value, i) => (value != null && y[i - 1] == null && y[i + 1] == null ? [i] : []));
}

function draw(series, observed, rows, happened) {
  const span = Number($("span").value);
  const every = periods(observed, series.freq);
  const past = span ? every.slice(-span) : every;
  const last = past.at(-1);
  const ds = [...past.map((o) => stamp(o.ds)), ...rows.map((r) => stamp(r.ds))];
  const column = (pick) => [...past.map((o) => (o === last ? o.y : null)), ...rows.map(pick)];
  const columns = [ds, [...past.map((o) => o.y), ...rows.map(() => null)], column((r) => r.yhat)];
  for (const level of [...LEVELS].reverse()) {
    columns.push(column((r) => r[`hi-${level}`]), column((r) => r[`lo-${level}`]));
  }
  plot?.destroy();
  $("chart").replaceChildren();
  plot = new uPlot(options(happened, ds), columns, $("chart"));
  $("chart").setAttribute("aria-label", `History and forecast of ${series.series_id}, in ${series.unit}`);
  $("legend").hidden = false;
}

function options(happened, ds) {
  const edge = { stroke: "transparent", width: 0, points: { show: false } };
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  return {
    width: $("chart").clientWidth, height: 360, tzDate: (t) => uPlot.tzDate(new Date(t * 1e3), "Etc/UTC"),
    legend: { show: false }, cursor: { y: false, drag: { x: true, y: false } },
    scales: { x: { time: true }, y: { range: (u, low, high) => (low == null ? [0, 1] : padded(low, high)) } },
    axes: [axis, { ...axis, size: 72, values: (u, ticks) => ticks.map(show) }],
    series: [{},
      { stroke: colour("--ink"), width: 1.8, points: { show: false, filter: alone, size: 4, fill: colour("--ink") } },
      { stroke: colour("--copper"), width: 2, points: { show: false } },
      ...LEVELS.flatMap(() => [edge, edge])],
    bands: [...LEVELS].reverse().map((level, i) => ({ series: [3 + 2 * i, 4 + 2 * i], fill: colour(FANS[level]) })),
    plugins: [marks(happened, ds), tip(happened.events)],
  };
}

function padded(low, high) {
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}

// A line through the chart for what the model estimated, a tick below for what merely happened.
function marks({ events, episodes }, ds) {
  const inside = (dates) => [...new Set(dates)].filter(Boolean).map(stamp).filter((t) => t >= ds[0] && t <= ds.at(-1));
  const lines = inside(episodes.map((e) => e.start));
  const ticks = inside(events.map((e) => e.effective ?? e.announced));
  return { hooks: { drawAxes: (u) => {
    const { ctx, bbox } = u, bottom = bbox.top + bbox.height;
    const stroke = (t, top) => {
      const x = Math.round(u.valToPos(t, "x", true)) + 0.5;
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, bottom);
      ctx.stroke();
    };
    ctx.save();
    ctx.strokeStyle = colour("--event");
    ctx.lineWidth = devicePixelRatio;
    for (const t of ticks) stroke(t, bottom - 9 * devicePixelRatio);
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    for (const t of lines) stroke(t, bbox.top);
    ctx.restore();
  } } };
}

function tip(events) {
  const box = document.createElement("div");
  box.className = "tip";
  box.hidden = true;
  return { hooks: {
    init: (u) => u.over.append(box),
    setCursor: (u) => {
      const i = u.cursor.idx;
      box.hidden = i == null || u.cursor.left < 0;
      if (box.hidden) return;
      const [from, to] = [u.data[0][i], u.data[0][i + 1] ?? u.data[0][i] + 31 * 86400];
      const near = events.filter((e) => { const t = stamp(e.effective ?? e.announced); return t >= from && t < to; });
      const y = u.data[1][i], median = u.data[2][i];
      const lines = [`${day(from)}  ${show(y ?? median) || "not observed"}`];
      if (y == null && median != null) lines.push(`80 %: ${show(u.data[6][i])} – ${show(u.data[5][i])}`);
      box.textContent = [...lines, ...near.slice(0, 4).map((e) => e.title)].join("\n");
      const right = u.cursor.left > u.over.clientWidth / 2;
      box.style.left = right ? "auto" : `${u.cursor.left + 12}px`;
      box.style.right = right ? `${u.over.clientWidth - u.cursor.left + 12}px` : "auto";
      box.style.top = "8px";
    },
  } };
}

function describe(series, forecast, events) {
  $("title").textContent = series.series_id;
  const quality = forecast.quality && `quality of the data: ${forecast.quality}`;
  $("facts").textContent = [series.unit, series.publisher, quality, series.notes].filter(Boolean).join(" · ");
  const [head, body] = [$("numbers").tHead, $("numbers").tBodies[0]];
  head.replaceChildren();
  body.replaceChildren();
  $("numbers-block").hidden = !forecast.data;
  $("over-words").hidden = !forecast.data?.some((r) => r.nowcast);
  if (forecast.data) {
    const names = ["ds", "yhat", "lo-80", "hi-80", "lo-95", "hi-95"];
    const row = head.insertRow();
    const decimals = Math.max(...forecast.data.flatMap((r) => names.slice(1).map((name) => point(show(r[name])).length)));
    for (const name of names) element("th", HEADS[name] ?? name, row).scope = "col";
    for (const r of forecast.data) {
      const line = body.insertRow();
      const cell = element("td", r.ds, line);
      if (r.nowcast) element("span", " nowcast", cell).className = "over";
      for (const name of names.slice(1)) aligned(show(r[name]), decimals, line);
    }
  }
  list($("events"), [...events].sort((a, b) => (b.effective ?? b.announced).localeCompare(a.effective ?? a.announced)));
  const branches = forecast.branches ?? [];
  $("branches-block").hidden = !branches.length;
  $("branches").replaceChildren();
  for (const b of branches) {
    const chance = b.probability == null ? "not in the forecast" : `in the forecast with ${show(100 * b.probability)} %`;
    element("li", `${b.says} (${chance})`, $("branches"));
  }
  $("notes").replaceChildren();
  for (const note of forecast.notes ?? []) element("li", note, $("notes"));
  $("provenance").textContent = forecast.provenance ?? "";
}

const point = (text) => /\.\d+$|$/.exec(text)[0];

// The digits that JSON has; unseen ones after them, so that the points stand in a line.
function aligned(text, decimals, row) {
  const cell = element("td", text, row), own = point(text).length;
  element("span", (own ? "" : ".").padEnd(decimals - own, "0"), cell).className = "unseen";
}

const percent = (value) => `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(1)} %`;

const PERIODS = { D: "day", B: "day", W: "week", M: "month", Q: "quarter", Y: "year" };
const signed = (y) => (y < 0 ? "−" : "+") + Math.abs(y).toLocaleString("en", { maximumSignificantDigits: 3 });
const between = (band, text) => `${text(band["lo-90"])} … ${text(band["hi-90"])}`;

// A number above the interval that belongs to it, and what else is to be said of it; nothing where there is no number.
function banded(row, band, text, word = band && text(band.median), more = "") {
  const cell = element("td", band ? word : "", row);
  for (const line of band ? [between(band, text), more] : []) if (line) element("div", line, cell).className = "quiet";
}

// What the data say nothing of is no effect of 0: no number, and what was assumed before them.
function unknown(row, band) {
  const cell = element("td", "", row);
  for (const line of ["not known", between(band, percent)]) element("div", line, cell).className = "quiet";
}

function estimates({ data: episodes, not_estimated: missing }, events, series) {
  const titles = new Map(events.map((e) => [e.event_id, e.title]));
  const body = $("effects").tBodies[0];
  const told = episodes.filter((e) => e.average).sort((a, b) => b.start.localeCompare(a.start));
  $("effects-block").hidden = !told.length && !missing.length;
  $("effects-words").hidden = $("effects").hidden = !told.length;
  $("not-estimated").replaceChildren();
  for (const { event_id: id, why } of missing) element("li", `${titles.get(id) ?? id}: not estimated: ${why}`, $("not-estimated"));
  const period = PERIODS[series.freq[0]];
  const isPrice = ["price", "index"].includes(series.measure);
  const unit = UNITS[series.unit] ?? series.unit;
  $("amount-title").textContent = `${isPrice ? "on average" : `a ${period}`}, ${unit}`;
  $("sum-title").textContent = isPrice ? "total" : `total, ${unit}`;
  body.replaceChildren();
  for (const e of told) {
    const row = body.insertRow();
    element("td", e.start, row);
    const cell = element("td", titles.get(e.episode_id) ?? e.title ?? e.episode_id, row);
    const quiet = (text) => { if (text) element("div", text, cell).className = "quiet"; };
    quiet(e.standing);
    const stood = new Map(e.others.map((other) => [other.event_id, other.standing]));
    for (const other of e.event_ids.slice(1)) quiet([titles.get(other) ?? other, stood.get(other)].filter(Boolean).join(": "));
    const idle = e.identified && e.average.median === 0 && e.relevant < 0.1, clear = e.identified && !idle;
    if (!e.identified) unknown(row, e.average);
    else if (idle) banded(row, e.average, percent, "none found", `P(any effect) ${Math.round(100 * e.any_effect)} %`);
    else banded(row, e.average, percent);
    banded(row, clear && e.amount, signed);
    banded(row, clear && e.cumulated_after, signed, undefined, `in ${e.observed} ${period}${e.observed === 1 ? "" : "s"}`);
    element("td", e.relevant == null ? "" : `${Math.round(100 * e.relevant)} %`, row);
    element("td", e.detectable == null ? "" : `${e.detectable < 1e4 ? e.detectable.toFixed(1) : e.detectable.toExponential(1)} %`, row);
    element("td", e.identified ? (e.prior_dominated ? "mostly what was assumed" : "data") : "what was assumed", row);
  }
}

function list(parent, events) {
  parent.replaceChildren();
  for (const e of events) {
    const item = document.createElement("li");
    element("time", e.dates, item);
    item.append(e.title);
    if (!e.sources.length) element("div", "no source recorded", item).className = "quiet";
    parent.append(item);
  }
  if (!events.length) element("li", "None that the catalogue knows.", parent);
}

// The next dated changes, and what was to come before and of which nothing later is known.
function coming(changes) {
  $("changes-block").hidden = !changes.length;
  $("changes").replaceChildren();
  for (const change of changes.slice(0, 8)) {
    const item = element("li", "", $("changes"));
    const sure = change.certain ? "" : change.unconfirmed ? " (unconfirmed)" : " (open)";
    element("time", `${change.day}: ${change.what}${sure}`, item);
    item.append(change.title);
    if (change.event_ids.length) element("div", `returns: ${change.event_ids.join(", ")}`, item).className = "quiet";
  }
}

$("access").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", $("key").value.trim());
  location.reload();
});
// A link carries no key: what it leads to is fetched, and saved under the name that the answer gives it.
$("csv").addEventListener("click", async (event) => {
  if (!sessionStorage.getItem("key")) return;
  event.preventDefault();
  const response = await ask($("csv").href, "text/csv");
  const link = document.createElement("a");
  link.download = response.headers.get("Content-Disposition")?.match(/filename="([^"]+)"/)?.[1] ?? "forecast.csv";
  link.href = URL.createObjectURL(await response.blob());
  link.click();
});
start().catch((error) => say(error.message));
