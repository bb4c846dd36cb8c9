/* What clients sent reaches the page as text only: by textContent, never as markup. */
const POLL_MS = 2000, SHOWN = 50;
const $ = id => document.getElementById(id);
let before = null, beforeAt = 0, failures = 0, servers = null, certificates = null;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined && text !== null) element.textContent = text;
  return element;
}
function show(id, ...children) { $(id).replaceChildren(...children); }

const grouped = new Intl.NumberFormat("en");
const number = value => grouped.format(value);
function rate(value) { return value === 0 ? "0" : value < 10 ? value.toFixed(1) : number(Math.round(value)); }
function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) { value /= 1024; unit++; }
  return [(unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)), units[unit]];
}
function span(seconds) {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const at = parts.findIndex(([size]) => seconds >= size);
  if (at < 0) return "0 s";
  const [size, unit] = parts[at];
  const rest = at < 2 ? Math.floor(seconds % size / parts[at + 1][0]) : 0;
  return Math.floor(seconds / size) + " " + unit + (rest ? " " + rest + " " + parts[at + 1][1] : "");
}
function ago(text, now) {
  if (!text) return "since the start";
  const seconds = Math.max(0, (Date.parse(now) - Date.parse(text)) / 1000);
  return seconds < 5 ? "just now" : span(seconds) + " ago";
}
const since = (text, now) => span(Math.max(0, (Date.parse(now) - Date.parse(text)) / 1000));
function words(text) { return text.replace(/_/g, " "); }
function tile(id, value, unit) {
  const element = $(id);
  element.textContent = value;
  if (unit) element.append(" ", make("small", "", unit));
}

/* --------------------------------------------------------------------------------------- bars */
function bars(id, counts, label) {
  const rows = Object.entries(counts).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  const total = rows.reduce((sum, [, count]) => sum + count, 0);
  if (rows.length === 0) { show(id, make("div", "empty", "none so far")); return; }
  const kept = rows.slice(0, rows.length > 7 ? 6 : 7);
  if (rows.length > 7) kept.push([`${rows.length - 6} more`, rows.slice(6).reduce((sum, [, count]) => sum + count, 0)]);
  show(id, ...kept.map(([name, count]) => {
    const bar = make("div", "bar"), track = make("div", "track"), fill = make("div", "fill");
    const percent = 100 * count / total;
    bar.append(make("span", "", label ? label(name) : name));
    bar.append(make("span", "count", `${number(count)} · ${percent < 1 ? "<1" : Math.round(percent)} %`));
    fill.style.width = percent + "%";
    track.append(fill);
    bar.append(track);
    return bar;
  }));
}

/* What was counted in the window, and since the start: what is years old hides nothing of tonight. */
function reasons(id, totals, recent) {
  const rows = Object.keys(totals).map(word => [word, recent[word] || 0, totals[word]]).sort((a, b) => b[1] - a[1] || b[2] - a[2]);
  const all = rows.reduce((sum, [, count]) => sum + count, 0);
  if (rows.length === 0) { show(id, make("div", "empty", "none so far")); return; }
  const kept = rows.slice(0, rows.length > 7 ? 6 : 7);
  if (rows.length > 7)
    kept.push([`${rows.length - 6} more`, ...[1, 2].map(place => rows.slice(6).reduce((sum, row) => sum + row[place], 0))]);
  show(id, ...kept.map(([word, count, total]) => {
    const bar = make("div", count ? "bar" : "bar quiet"), track = make("div", "track"), fill = make("div", "fill"), counts = make("span", "count");
    counts.append(make("b", "", number(count)), ` of ${number(total)}`);
    bar.append(make("span", "", words(word)), counts);
    fill.style.width = (all ? 100 * count / all : 0) + "%";
    if (count) track.append(fill);
    bar.append(track);
    return bar;
  }));
}

/* ------------------------------------------------------------------------------------- tables */
function table(id, columns, rows, empty) {
  if (rows.length === 0) { show(id, make("div", "empty", empty)); return; }
  const whole = make("table"), head = make("thead"), body = make("tbody"), titles = make("tr");
  for (const [title, className] of columns) {
    const cell = make("th", className, title);
    cell.scope = "col";
    titles.append(cell);
  }
  head.append(titles);
  for (const row of rows) {
    const line = make("tr");
    row.forEach((value, index) => {
      const cell = make("td", columns[index][1]);
      if (value instanceof Node) cell.append(value); else cell.textContent = value === null || value === "" ? "–" : value;
      line.append(cell);
    });
    body.append(line);
  }
  whole.append(head, body);
  show(id, whole);
}
function two(first, second) {
  const both = make("div");
  both.append(make("div", "name", first));
  if (second) both.append(make("div", "soft small", second));
  return both;
}

/* ---------------------------------------------------------------------------------- attention */
/* What somebody should look at, the worst first. */
function wrongs(status) {
  const found = [], bad = (what, why) => found.push(["bad", what, why]), warn = (what, why) => found.push(["warn", what, why]);
  if (!status.ready && !status.draining) bad("Not ready", status.not_ready_because);
  for (const backend of servers ? servers.backends : []) {
    const down = backend.servers.filter(server => !server.up);
    if (down.length && !backend.servers_up) bad(`No server of backend ${backend.backend} answers`, "its clients are refused");
    for (const server of down)
      (backend.servers_up ? warn : bad)(`${server.server} of backend ${backend.backend} is down${server.since ? " for " + since(server.since, status.now) : ""}`, server.why);
    if (backend.waiting) warn(`${number(backend.waiting)} clients wait for backend ${backend.backend}`, "its servers are full");
  }
  for (const listener of status.listeners)
    if (listener.connections >= .9 * listener.max_connections)
      (listener.connections >= listener.max_connections ? bad : warn)(`Listener ${listener.listener} is full`,
        `${number(listener.connections)} of ${number(listener.max_connections)} connections`);
  const dated = (what, days, where) => {
    if (days < 0) bad(`${what} has expired`, where);
    else if (days < 30) (days < 7 ? bad : warn)(`${what} expires in ${days} days`, where);
  };
  for (const listener of certificates ? certificates.listeners : []) {
    const where = "listener " + listener.listener;
    for (const one of listener.certificates) {
      for (const link of [one, ...one.chain]) dated(link.subject, link.days_left, where);
      if (one.ocsp_staple.state === "outdated") warn(`The OCSP answer for ${one.subject} is outdated`, where);
    }
    for (const one of listener.client_cas) dated("The clients' CA " + one.subject, one.days_left, where);
    for (const list of listener.crls) {
      const left = list.next_update ? Date.parse(list.next_update) - Date.parse(status.now) : Infinity;
      if (left < 6 * 3600000)
        (left < 0 ? bad : warn)(`The CRL of ${list.issuer} ${left < 0 ? "is outdated" : "is due within hours"}`, `${where}: ${list.file}`);
    }
  }
  return [...new Map(found.map(one => [one.join("\n"), one])).values()].sort((a, b) => (a[0] > b[0]) - (a[0] < b[0]));
}
function tellAttention(status) {
  const found = wrongs(status);
  $("attention").hidden = found.length === 0;
  show("attention-list", ...found.map(([level, what, why]) => {
    const item = make("li", level);
    item.append(make("b", "", what));
    if (why) item.append(make("span", "", why));
    return item;
  }));
  const urgent = found.filter(([level]) => level === "bad").length;
  document.title = `${urgent ? `(${urgent}) ` : ""}Postern · ${status.host}`;
}

/* -------------------------------------------------------------------------------------- parts */
function tellStatus(status) {
  const totals = status.totals, state = $("state");
  state.textContent = status.draining ? "draining" : status.ready ? "ready" : "not ready";
  state.className = "badge " + (status.draining ? "warn" : status.ready ? "good" : "bad");
  state.title = status.not_ready_because || "";
  $("host").textContent = status.host;
  $("facts").textContent = `${status.config_file}, loaded ${ago(status.config_loaded, status.now)} · ${status.workers} workers · up for ${span(status.uptime_seconds)}`;
  $("clock").textContent = status.now.replace("T", " ").replace("Z", " UTC");
  $("version").textContent = "Postern " + status.version;
  const failed = status.last_reload.result === "failure";
  $("reload").hidden = !failed;
  if (failed) {
    $("reload").firstChild.textContent = `The last reload failed ${ago(status.last_reload.at, status.now)}: the configuration of before is in force.`;
    $("reload").lastChild.textContent = status.last_reload.error;
  }
  const last = before, now = performance.now(), seconds = (now - beforeAt) / 1000;
  const same = last && last.pid === status.pid && last.started === status.started;
  const per = name => same ? Math.max(0, totals[name] - last.totals[name]) / seconds : 0;
  before = status;
  beforeAt = now;
  live = { at: Date.parse(status.now), connections: totals.connections };
  tile("connections", number(totals.connections));
  tile("arrivals", rate(per("connections_total")), "/ s");
  tile("handshakes", rate(per("handshakes")), "/ s");
  tile("unserved", rate(per("refusals") + per("handshake_failures")), "/ s");
  for (const way of ["in", "out"]) {
    const [value, unit] = bytes(per("bytes_" + way));
    tile("bytes-" + way, value, unit + " / s");
  }
  bars("versions", totals.tls_versions, name => "TLS " + name);
  bars("groups", totals.groups);
  bars("ciphers", totals.ciphers, name => name.replace(/^TLS_/, "").replace(/_/g, " "));
  bars("mqtt", totals.mqtt_versions, name => "MQTT " + name);
  tellIncidents(status);
  tellListeners(status);
  tellRules(status);
}
/* What depends on the window too. */
function tellPast() {
  if (before === null) return;
  marks = [{ at: Date.parse(before.started), label: "start", text: "Postern started", colour: "var(--soft)" }];
  if (Date.parse(before.config_loaded) - Date.parse(before.started) > 2000)
    marks.push({ at: Date.parse(before.config_loaded), label: "reload", text: "the configuration was loaded", colour: "var(--soft)" });
  for (const server of servers ? servers.backends.flatMap(backend => backend.servers) : [])
    if (server.since)
      marks.push({ at: Date.parse(server.since), label: server.up ? "up" : "down", text: `${server.server} is ${server.up ? "up" : "down"}`, colour: server.up ? "var(--good)" : "var(--bad)" });
  charts();
  for (const [id, kind] of [["refusals", "refusals_by_reason"], ["failures", "handshake_failures_by_reason"], ["ended", "sessions_ended_by_reason"]])
    reasons(id, before.totals[kind], reasonsOf(kind, live.at));
  for (const element of document.querySelectorAll(".window")) element.textContent = `in the last ${windowWords()}, of all since the start`;
}
/* One entry for all whom the same happened to, or the one who retries would hide everybody else. */
function tellIncidents(status) {
  if (status.incidents.length === 0) { show("incidents", make("div", "empty", "everybody has been served so far")); return; }
  const groups = new Map();
  for (const incident of status.incidents) {
    const key = [incident.kind, incident.listener, incident.reason, incident.explanation].join("\n");
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(incident);
  }
  show("incidents", ...[...groups.values()].map(all => {
    const [latest] = all, item = make("div", "incident"), who = make("div", "who");
    who.append(make("span", "badge " + (latest.kind === "handshake_failed" ? "bad" : "warn"), words(latest.reason)));
    if (all.length > 1) who.append(make("b", "", `${all.length} times`));
    const names = [...new Set(all.map(one => one.client_id === null ? one.source.replace(/:\d+$/, "") : one.client_id))];
    for (const name of names.slice(0, 4)) who.append(finder(name));
    if (names.length > 4) who.append(make("span", "", `and ${names.length - 4} more`));
    if (all.length === 1 && latest.client_id !== null) who.append(make("span", "", latest.source));
    const when = make("span", "", ago(latest.at, status.now));
    when.title = latest.at;
    who.append(make("span", "", "at " + latest.listener), when);
    item.append(who, make("div", "", latest.explanation));
    return item;
  }));
}
function finder(name) {
  const button = make("button", "find", name);
  button.type = "button";
  button.title = "find in the inventory";
  button.addEventListener("click", () => {
    $("filter").value = name;
    $("filter").dispatchEvent(new Event("input"));
    $("filter").scrollIntoView({ block: "start" });
  });
  return button;
}
function tellListeners(status) {
  table("listeners", [["listener"], ["policy", "wide"], ["connections", "number"], ["at most", "number"]], status.listeners.map(listener => {
    const part = listener.connections / listener.max_connections;
    return [two(listener.listener, listener.address), listener.policy,
      part < .9 ? number(listener.connections) : make("span", "badge " + (part < 1 ? "warn" : "bad"), number(listener.connections)),
      number(listener.max_connections)];
  }), "no listener");
}
function tellRules(status) {
  $("rules-card").hidden = status.rules.length === 0;
  table("rules", [["rule"], ["policy", "wide"], ["admitted", "number"], ["refused", "number"], ["until", "date"]],
    status.rules.map(rule => {
      const days = rule.until ? Math.floor((Date.parse(rule.until) - Date.parse(status.now)) / 86400000) : Infinity;
      const until = days === Infinity ? "–" : two(rule.until.slice(0, 10), days < 0 ? "over" : days < 30 ? `${days} days` : "");
      return [two(rule.rule), rule.policy, number(rule.admissions), number(rule.refusals), until];
    }), "no policy");
}
function tellBackends(view) {
  servers = view;
  const now = before.now;
  const rows = view.backends.flatMap(backend => backend.servers.map(server => {
    const state = make("div");
    state.append(make("span", "badge " + (server.up ? "good" : "bad"), server.up ? "up" : "down"));
    if (server.since) state.append(make("div", "soft small date", since(server.since, now)));
    return [two(server.server, backend.backend + (backend.waiting ? `, ${number(backend.waiting)} wait` : "")), state,
      two(number(server.connections), server.max_connections ? `of ${number(server.max_connections)}` : ""), number(server.weight), server.why || (server.checked ? "" : "not checked")];
  }));
  table("backends", [["server"], ["state"], ["clients", "number"], ["weight", "number wide"], ["why"]], rows, "no backend");
}
function tellCertificates(view) {
  certificates = view;
  const rows = new Map();
  /* One that several listeners have is one to renew. */
  const add = (what, listener, one, days, until, levels) => {
    const key = [what, one, until].join("\n");
    if (!rows.has(key)) rows.set(key, { what, one, days, until, levels, listeners: new Set() });
    rows.get(key).listeners.add(listener);
  };
  for (const listener of view.listeners) {
    for (const certificate of listener.certificates) {
      add(certificate.names.join(", ") || certificate.key, listener.listener, certificate.subject, certificate.days_left, certificate.not_after, [7, 30]);
      for (const link of certificate.chain) add("intermediate", listener.listener, link.subject, link.days_left, link.not_after, [7, 30]);
    }
    for (const authority of listener.client_cas) add("CA of clients", listener.listener, authority.subject, authority.days_left, authority.not_after, [7, 30]);
    for (const list of listener.crls) if (list.next_update) add(`CRL, ${list.revoked} revoked`, listener.listener, list.issuer, list.days_left, list.next_update, [0, 1]);
  }
  table("certificates", [["days", "number"], ["subject"], ["listener", "wide"], ["until", "wide date"]], [...rows.values()].sort((a, b) => a.days - b.days).map(row => [
    make("span", "badge " + (row.days < row.levels[0] ? "bad" : row.days < row.levels[1] ? "warn" : "good"), row.days < 0 ? "expired" : number(row.days)),
    two(row.one, row.what), [...row.listeners].join(", "), row.until.slice(0, 10)]), "no certificate");
}
function tellInventory(view) {
  const several = before.listeners.length > 1;
  $("inventory-count").textContent = view.matched > view.identities.length
    ? `${number(view.identities.length)} of ${number(view.matched)}` : number(view.matched);
  table("inventory", [["client id"], ["TLS"], ["group and cipher", "wide"], ["MQTT", "wide"], ["key", "wide"], ["certificate until", "wide date"], ["last seen"], ["visits", "number wide"], ["refused", "number"]],
    view.identities.map(one => [
      two(one.client_id || "(none)", [one.common_name, several ? "at " + one.listener : ""].filter(Boolean).join(", ")), one.tls, two(one.group || "–", one.cipher), one.mqtt, one.key,
      one.certificate_not_after ? one.certificate_not_after.slice(0, 10) : "",
      one.connected ? make("span", "badge good", "connected") : ago(one.last_seen, before.now),
      number(one.visits), one.refusals ? two(number(one.refusals), words(one.last_refusal)) : "0"]),
    $("filter").value ? "nobody matches" : "nobody has come yet");
}

/* ------------------------------------------------------------------------------------ polling */
async function ask(path) {
  const answer = await fetch(path, { cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(8000) });
  if (!answer.ok) throw new Error(`${path} says ${answer.status}`);
  return answer.json();
}
function inventoryPath() { return `/api/v1/inventory?limit=${SHOWN}&filter=${encodeURIComponent($("filter").value)}`; }
async function askHistory() {
  if (!remember(await ask(`/api/v1/history?after=${past.last}`))) remember(await ask("/api/v1/history"));
}
let turn = 0;
async function poll() {
  try {
    tellStatus(await ask("/api/v1/status"));
    if (turn % 2 === 0) await askHistory();
    if (turn % 2 === 0) tellBackends(await ask("/api/v1/backends"));
    if (turn % 30 === 0) tellCertificates(await ask("/api/v1/certificates"));
    if (turn === 0) look([5, 15].find(minutes => before.uptime_seconds < minutes * 60) || 60);
    tellPast();
    tellAttention(before);
    if (turn % 3 === 0) tellInventory(await ask(inventoryPath()));
    turn++;
    failures = 0;
  } catch (error) {
    failures++;
    $("lost").textContent = `Postern does not answer (${error.message}). What is shown is from before.`;
  }
  $("lost").hidden = failures < 2;
  if (failures >= 2) document.title = "no answer · " + document.title.replace(/^no answer · /, "");
  $("live").classList.toggle("stale", failures >= 2);
  document.body.dataset.polls = turn;
  setTimeout(poll, POLL_MS);
}
const windows = [...document.querySelectorAll("#windows button")];
function look(minutes) {
  windowMs = minutes * 60000;
  for (const one of windows) one.ariaPressed = Number(one.value) === minutes;
  tellPast();
}
for (const button of windows) button.addEventListener("click", () => look(Number(button.value)));
let typing;
$("filter").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => ask(inventoryPath()).then(tellInventory, () => {}), 150);
});
addEventListener("resize", () => charts());
poll();
