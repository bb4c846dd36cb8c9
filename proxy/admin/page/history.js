/* The last hour, as Postern remembers it: charts, and reasons by minute. */
const HOUR_MS = 3600000, MOST_POINTS = 180;
const SVG = "http://www.w3.org/2000/svg";
const past = { started: null, last: 0, samples: [], minutes: new Map() };
let windowMs = HOUR_MS, live = null, marks = [];

function draw(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const name in attributes) element.setAttribute(name, attributes[name]);
  if (text !== undefined) element.textContent = text;
  return element;
}
const timeOf = ms => new Date(ms).toISOString().slice(11, 19);
const windowWords = () => windowMs === HOUR_MS ? "hour" : `${windowMs / 60000} minutes`;

/* False: it is another process's, and has to be asked for from the beginning. */
function remember(told) {
  if (past.started !== null && told.started !== past.started) {
    Object.assign(past, { started: null, last: 0, samples: [], minutes: new Map() });
    return false;
  }
  past.started = told.started;
  past.last = told.last;
  for (const sample of told.samples) past.samples.push({ ...sample, at: Date.parse(sample.at) });
  for (const minute of told.minutes) past.minutes.set(Date.parse(minute.at), minute);
  past.samples.splice(0, past.samples.length - HOUR_MS / told.interval_ms);
  for (const at of past.minutes.keys()) if (past.minutes.size > 60) past.minutes.delete(at);
  return true;
}
/* How often each reason was given in the window that is shown. */
function reasonsOf(kind, now) {
  const counts = {};
  for (const [at, minute] of past.minutes) {
    if (at < now - windowMs - 60000) continue;
    for (const word in minute[kind]) counts[word] = (counts[word] || 0) + minute[kind][word];
  }
  return counts;
}
/* What the charts show: samples, in the long window several of them together. */
function pointsOf(now) {
  const group = Math.ceil(windowMs / 5000 / MOST_POINTS), first = past.last - past.samples.length;
  const points = [];
  past.samples.forEach((sample, index) => {
    if (sample.at < now - windowMs) return;
    const number = Math.floor((first + index) / group);
    let point = points[points.length - 1];
    if (!point || point.number !== number) points.push(point = { number, span: 0, counts: {} });
    point.at = sample.at;
    point.connections = sample.connections;
    point.span += sample.span_ms / 1000;
    for (const name of ["handshakes", "handshake_failures", "refusals", "bytes_in", "bytes_out"])
      point.counts[name] = (point.counts[name] || 0) + sample[name];
  });
  return points;
}
const perSecond = name => point => point.span > 0 ? point.counts[name] / point.span : null;

function niceTop(value, least, base) {
  const top = Math.max(value, least);
  const unit = base ? 1024 ** Math.floor(Math.log(top) / Math.log(1024)) : 1;
  const power = 10 ** Math.floor(Math.log10(top / unit));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map(step => step * power).find(step => step >= top / unit) * unit;
}
function ticks() {
  const step = windowMs / (windowMs === HOUR_MS ? 4 : 5);
  return Array.from({ length: Math.round(windowMs / step) - 1 }, (none, index) => (index + 1) * step).reverse();
}
function drawMarks(svg, x, top, bottom, now) {
  let free = Infinity;
  for (const mark of [...marks].sort((a, b) => b.at - a.at)) {
    if (mark.at < now - windowMs || mark.at > now) continue;
    const line = draw("line", { x1: x(mark.at), x2: x(mark.at), y1: top, y2: bottom, stroke: mark.colour, "stroke-dasharray": "2 3" });
    line.append(draw("title", {}, `${mark.text}, ${timeOf(mark.at)} UTC`));
    svg.append(line);
    if (x(mark.at) > free - 12) continue;
    svg.append(draw("text", { x: x(mark.at) - 4, y: top + 9, "text-anchor": "end" }, mark.label));
    free = x(mark.at) - 7 * mark.label.length;
  }
}
function chart(id, legend, points, now, series, options) {
  const width = Math.max(200, $(id).clientWidth), height = 170, left = options.left || 40, right = 6, top = 8, bottom = 20;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": series.map(one => one.name).join(", ") });
  const most = niceTop(Math.max(0, ...series.flatMap(one => points.map(one.value))), options.least, options.bytes);
  const x = at => left + (width - left - right) * (1 - (now - at) / windowMs);
  const y = value => top + (height - top - bottom) * (1 - value / most);
  for (const part of [0, .5, 1]) {
    svg.append(draw("line", { x1: left, x2: width - right, y1: y(most * part), y2: y(most * part), stroke: "var(--line)" }));
    svg.append(draw("text", { x: left - 6, y: y(most * part) + 4, "text-anchor": "end" }, options.bytes ? options.bytes(most * part) : number(most * part)));
  }
  for (const before of ticks())
    svg.append(draw("text", { x: x(now - before), y: height - 4, "text-anchor": "middle" }, `−${before / 60000} min`));
  svg.append(draw("text", { x: width - right, y: height - 4, "text-anchor": "end" }, "now"));
  drawMarks(svg, x, top, height - bottom, now);
  for (const one of series) {
    const known = points.filter(point => one.value(point) !== null);
    if (known.length === 0) continue;
    const line = known.map(point => `${x(point.at).toFixed(1)},${y(one.value(point)).toFixed(1)}`), end = known[known.length - 1];
    if (one.area)
      svg.append(draw("polygon", { points: `${x(known[0].at)},${y(0)} ${line.join(" ")} ${x(end.at)},${y(0)}`, fill: one.colour, opacity: .14 }));
    svg.append(draw("polyline", { points: line.join(" "), fill: "none", stroke: one.colour, "stroke-width": 1.6, "stroke-linejoin": "round", "stroke-linecap": "round" }));
    svg.append(draw("circle", { cx: x(end.at), cy: y(one.value(end)), r: 2.6, fill: one.colour }));
  }
  const cursor = draw("line", { y1: top, y2: height - bottom, stroke: "var(--soft)", "stroke-dasharray": "3 3", visibility: "hidden" });
  svg.append(cursor);
  const tell = (point, at) => $(legend).replaceChildren(...series.map(one => {
    const item = make("span"), key = make("span", "key"), value = point ? one.value(point) : null;
    key.style.background = one.colour;
    item.append(key, one.name + " ", make("b", "", value === null ? "–" : one.text(value)));
    return item;
  }), ...(at ? [make("span", "", `at ${timeOf(at)} UTC`)] : []));
  const rest = () => tell(points.findLast(point => series.some(one => one.value(point) !== null)));
  rest();
  const point = event => {
    const at = now - windowMs * (1 - (event.offsetX * width / svg.clientWidth - left) / (width - left - right));
    const near = points.filter(one => one.span > 0).reduce((best, one) => !best || Math.abs(one.at - at) < Math.abs(best.at - at) ? one : best, null);
    if (!near) return;
    cursor.setAttribute("x1", x(near.at));
    cursor.setAttribute("x2", x(near.at));
    cursor.setAttribute("visibility", "visible");
    pointed = true;
    tell(near, near.at);
  };
  svg.addEventListener("pointermove", point);
  svg.addEventListener("pointerdown", point);
  svg.addEventListener("pointerleave", () => { cursor.setAttribute("visibility", "hidden"); pointed = false; rest(); });
  $(id).replaceChildren(svg);
}
/* While somebody points at a chart it stands still, so that what is read does not move. */
let pointed = false;
function charts() {
  if (live === null || pointed) return;
  const now = live.at, points = pointsOf(now), withLive = [...points, { at: now, connections: live.connections, span: 0, counts: {} }];
  chart("chart-connections", "legend-connections", withLive, now, [
    { name: "now", value: point => point.connections, text: number, colour: "var(--main)", area: true }], { least: 10 });
  chart("chart-handshakes", "legend-handshakes", points, now, [
    { name: "finished", value: perSecond("handshakes"), text: rate, colour: "var(--main)", area: true },
    { name: "failed", value: perSecond("handshake_failures"), text: rate, colour: "var(--bad)" },
    { name: "refused", value: perSecond("refusals"), text: rate, colour: "var(--second)" }], { least: 2 });
  const text = value => bytes(value).join(" ");
  chart("chart-bytes", "legend-bytes", points, now, [
    { name: "from clients", value: perSecond("bytes_in"), text, colour: "var(--main)", area: true },
    { name: "to clients", value: perSecond("bytes_out"), text, colour: "var(--second)" }], { least: 1024, bytes: text, left: 58 });
}
