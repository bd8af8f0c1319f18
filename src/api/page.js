"use strict";
// The players' page. The server's clock and verdict rule; this only draws. Text goes into the page
// as text, never as markup.

const POLL_MS = 10000;
const STEPS = ["queued", "building", "starting", "running"];
const STEP_OF = { queued: 0, preparing: 1, building: 1, creating: 2, starting: 2, routing: 2, running: 3 };
const PHASES = {
  queued: "Queued", preparing: "Preparing", building: "Building the image", creating: "Creating containers",
  starting: "Starting", routing: "Waiting until it answers", running: "Running", stopping: "Stopping",
  stopped: "Stopped", error: "Failed",
};
const GONE = { user_stop: "was stopped", admin_stop: "was stopped by the organisers", expired: "has expired",
  error: "could not be kept running", cancelled: "was cancelled" };

const $ = (id) => document.getElementById(id);
const state = { instances: new Map(), gone: new Set(), challenges: [], quota: null, failures: new Map(), offset: 0,
  busy: new Set(), lastOk: Date.now(), live: false, cooldown: 0, me: null, lost: false };
const cards = new Map();
const wanted = decodeURIComponent((location.pathname.match(/^\/instance\/([^/]+)/) || [])[1] || "");

// ---- small helpers ----

function el(tag, attrs, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attrs || {})) {
    if (key === "onclick") node.addEventListener("click", value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  for (const child of children) if (child != null) node.append(child);
  return node;
}
const now = () => Date.now() + state.offset;
const at = (text) => (text ? Date.parse(text) : NaN);
function clock(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000)), h = Math.floor(s / 3600);
  const mm = Math.floor(s / 60) % 60, ss = String(s % 60).padStart(2, "0");
  return h ? `${h}:${String(mm).padStart(2, "0")}:${ss}` : `${mm}:${ss}`;
}
function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1).replace(/\.0$/, "")} h`;
}
function announce(text) { $("live").textContent = text; }
let toastTimer;
function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("toast").hidden = true; }, 6000);
}
function setText(node, text) { if (node.textContent !== text) node.textContent = text; }

// navigator.clipboard does not exist on plain http, which is how most instancers are reached.
async function copy(text, button) {
  let done = false;
  try { await navigator.clipboard.writeText(text); done = true; } catch {
    const area = el("textarea", { readonly: true, class: "hidden", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.focus();
    area.select();
    try { done = document.execCommand("copy"); } catch { done = false; }
    area.remove();
    button.focus();
  }
  button.textContent = done ? "Copied" : "Select it";
  toast(done ? "Copied." : "The browser did not allow copying; select the text by hand.");
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

// ---- the server ----

async function api(method, path, body, headers) {
  const started = Date.now();
  const answer = await fetch(path, { method, cache: "no-store", headers: Object.assign(
    { Accept: "application/json" }, body ? { "Content-Type": "application/json" } : {}, headers),
  body: body ? JSON.stringify(body) : undefined });
  const date = Date.parse(answer.headers.get("Date"));
  const skew = date + 500 - (started + Date.now()) / 2;
  if (!Number.isNaN(skew)) state.offset = Math.abs(skew) < 1500 ? 0 : skew;
  let json = {};
  try { json = await answer.json(); } catch { /* an answer without a body says what it says by its status */ }
  if (!answer.ok) {
    const text = typeof json.detail === "string" ? json.detail : `The instancer answered ${answer.status}.`;
    const error = new Error(text);
    error.status = answer.status;
    if (answer.status === 429) state.cooldown = now() + 1000 * Number(answer.headers.get("Retry-After") || 5);
    throw error;
  }
  return json;
}
const explain = (error) => (error.status ? error.message : "The instancer did not answer. Running instances are not affected.");

async function refresh() {
  try {
    const [list, me] = await Promise.all([api("GET", "/instances"), api("GET", "/me")]);
    state.me = me;
    state.quota = { instances: me.instances, max_instances: me.max_instances };
    takeSnapshot(list.instances);
    reached();
  } catch (error) { lost(error); }
}
async function loadChallenges() {
  try {
    state.challenges = (await api("GET", "/challenges")).challenges;
    drawChallenges();
  } catch (error) { lost(error); }
}
function reached() {
  state.lastOk = Date.now();
  if (state.lost) { state.lost = false; $("banner").hidden = true; loadChallenges(); }
  draw();
}
function lost(error) { state.lost = true; state.lostText = explain(error); drawLost(); }
function drawLost() {
  if (!state.lost) return;
  const age = Math.round((Date.now() - state.lastOk) / 1000);
  banner(`${state.lostText} What you see is ${span(age)} old; trying again.`);
}
function banner(text) { setText($("banner"), text); $("banner").hidden = false; }

function takeSnapshot(list) {
  const ids = new Set(list.map((i) => i.instance_id));
  for (const id of [...state.instances.keys()]) if (!ids.has(id)) state.instances.delete(id);
  for (const instance of list) takeInstance(instance);
}
function takeInstance(instance) {
  const old = state.instances.get(instance.instance_id);
  if (state.gone.has(instance.instance_id) || (old && old.version >= instance.version)) return;
  state.instances.set(instance.instance_id, instance);
  const name = instance.challenge_name || instance.challenge_id;
  if (old ? old.phase !== instance.phase : instance.phase === "queued") {
    announce(instance.phase === "running" ? `${name} is ready.` : `${name}: ${PHASES[instance.phase] || instance.phase}.`);
  }
  if (instance.error) state.failures.set(instance.challenge_id, instance.error.message);
  else if (instance.status === "running") state.failures.delete(instance.challenge_id);
}
function takeGone(gone) {
  const known = state.instances.delete(gone.instance_id);
  state.gone.add(gone.instance_id);
  state.busy.delete(gone.instance_id);
  if (known) {
    const text = `${gone.challenge_name || gone.challenge_id} ${GONE[gone.reason] || "is gone"}.`;
    announce(text);
    if (gone.reason !== "error") toast(text);
  }
}

let source;
function listen() {
  if (!window.EventSource) return;
  source = new EventSource("/events");
  const on = (type, take) => source.addEventListener(type, (event) => {
    take(JSON.parse(event.data));
    state.live = true;
    reached();
  });
  on("snapshot", (s) => { state.quota = s.quota; takeSnapshot(s.instances); });
  on("instance", takeInstance);
  on("gone", takeGone);
  on("quota", (q) => { state.quota = q; });
  on("challenge", loadChallenges);
  on("notice", (n) => {
    if (n.kind === "restart") toast("The instancer is restarting. Running instances are not affected.");
    if (n.kind === "engine") toast(n.up ? "The container engine answers again." : "The container engine does not answer; nothing can be started for the moment.");
  });
  source.onopen = () => { state.live = true; };
  source.onerror = () => {
    state.live = false;
    if (source.readyState === EventSource.CLOSED) source = null;
  };
}
// A hidden tab gives its place back: browsers allow six connections to one host.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    if (source) source.close();
    source = null;
    state.live = false;
  } else { refresh(); listen(); }
});

// ---- what the player does ----

function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}
async function start(challenge) {
  if (state.busy.has(challenge.id)) return;
  state.busy.add(challenge.id);
  state.failures.delete(challenge.id);
  draw();
  try {
    const answer = await api("POST", "/instances/spawn", { challenge_id: challenge.id },
      { Prefer: "respond-async", "Idempotency-Key": newKey() });
    if (answer.success) takeInstance(answer.instance);
    else fail(challenge, answer.message + (answer.hint ? " " + answer.hint : ""));
  } catch (error) { fail(challenge, explain(error)); }
  state.busy.delete(challenge.id);
  draw();
}
function fail(challenge, text) { state.failures.set(challenge.id, text); toast(text); }

async function stop(instance) {
  const name = instance.challenge_name || instance.challenge_id, starting = instance.status === "starting";
  const shared = state.me && state.me.team_mode ? "It stops for your whole team. " : "";
  const failed = instance.status === "error"; // nothing of it exists any more: it is only dismissed
  if (!failed && !(await ask(`Stop ${name}?`, starting ? "It has not started yet." : `${shared}Anything you changed inside it is lost.`))) return;
  state.busy.add(instance.instance_id);
  draw();
  try {
    await api("DELETE", "/instances/" + encodeURIComponent(instance.instance_id), null, { Prefer: "respond-async" });
  } catch (error) { toast(explain(error)); state.busy.delete(instance.instance_id); }
  if (!state.live) refresh();
  draw();
}
async function extend(instance) {
  try {
    const answer = await api("POST", `/instances/${encodeURIComponent(instance.instance_id)}/extend`);
    if (answer.instance) takeInstance(answer.instance);
    toast(answer.message);
  } catch (error) { toast(explain(error)); }
  draw();
}
function ask(title, text) {
  $("confirm-title").textContent = title;
  $("confirm-text").textContent = text;
  $("confirm").returnValue = "";
  $("confirm").showModal();
  $("confirm-no").focus();
  return new Promise((resolve) => {
    $("confirm").addEventListener("close", () => resolve($("confirm").returnValue === "yes"), { once: true });
  });
}
$("confirm-no").addEventListener("click", () => $("confirm").close("no"));
$("confirm-yes").addEventListener("click", () => $("confirm").close("yes"));
$("search").addEventListener("input", () => drawChallenges());

// ---- drawing: cards stay where they are, only what differs is written ----

function copyLine(text, link) {
  const button = el("button", { type: "button", class: "copy", "aria-label": `Copy ${text}` }, "Copy");
  button.addEventListener("click", () => copy(text, button));
  return el("div", { class: "line" }, el("code", { dir: "ltr", title: text, tabindex: "0" }, text), button,
    link ? el("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, "Open") : null);
}
function endpoint(e, hint) {
  const web = e.scheme === "http" && hint.url.startsWith("http://");
  return el("div", { class: "endpoint" }, e.label ? el("p", { class: "muted" }, e.label) : null,
    copyLine(hint.url, web ? hint.url : null), hint.command ? copyLine(hint.command) : null);
}
function newCard(instance) {
  const card = { root: el("article", { class: "card" }), title: el("h3"), badge: el("span", { class: "badge" }),
    by: el("p", { class: "muted" }), steps: el("ol", { class: "steps", "aria-label": "Progress" }),
    meter: el("div", { class: "meter", "aria-hidden": "true" }), detail: el("p", { class: "muted" }),
    error: el("p", { class: "bad" }), ends: el("div", { class: "endpoint" }),
    timer: el("span", { class: "timer", role: "timer", "aria-live": "off" }),
    extend: el("button", { type: "button" }), stop: el("button", { type: "button" }), endsKey: "" };
  const id = instance.instance_id, current = () => state.instances.get(id);
  card.items = STEPS.map((step) => el("li", null, PHASES[step].split(" ")[0]));
  card.steps.append(...card.items);
  card.extend.addEventListener("click", () => current() && extend(current()));
  card.stop.addEventListener("click", () => current() && stop(current()));
  card.root.append(el("div", { class: "head" }, card.title, card.badge), card.by, card.steps, card.meter, card.detail,
    card.error, card.ends, el("div", { class: "row" }, card.timer, card.extend, card.stop));
  $("instances").append(card.root);
  return card;
}
function detailOf(i) {
  const parts = [];
  if (i.phase === "queued" && i.queue_position) parts.push(i.queue_position === 1 ? "next in the queue" : `place ${i.queue_position} in the queue`);
  if (i.phase_detail) parts.push(i.phase_detail);
  const elapsed = (now() - at(i.created_at)) / 1000;
  if (elapsed >= 1) parts.push(`${span(elapsed)} so far`);
  if (i.eta_s) parts.push(elapsed > 2 * i.eta_s ? "slower than usual, still working" : `usually ~${span(i.eta_s)}`);
  if (elapsed > 90) parts.push("you can leave this page");
  return parts.join(" · ");
}
function drawTimer(card, i) {
  const left = at(i.expires_at) - now(), name = i.challenge_name || i.challenge_id;
  setText(card.timer, left > 0 ? `${clock(left)} left` : "Expired, being cleaned up");
  card.timer.className = "timer" + (left <= 60000 ? " last" : left <= 300000 ? " soon" : "");
  const bucket = left <= 0 ? 0 : [1, 5, 10].find((minutes) => left <= minutes * 60000) || 0;
  if (bucket && bucket !== card.bucket) {
    const text = `${name}: less than ${bucket} min left.`;
    announce(text);
    if (bucket === 5) toast(text);
  }
  card.bucket = bucket;
  return left;
}
function drawExtend(card, i) {
  const x = i.extend;
  card.extend.hidden = !x || i.status !== "running";
  if (card.extend.hidden) return;
  const wait = at(x.available_at) - now(), used = x.remaining_s < x.step_s;
  card.extend.disabled = used || wait > 0;
  setText(card.extend, used ? "No more extensions" : wait > 0 ? `Extend in ${clock(wait)}` : `Extend ${span(x.step_s)}`);
}
function drawCard(card, i) {
  const stopping = i.status === "stopping" || state.busy.has(i.instance_id);
  const starting = i.status === "starting" && !stopping, running = i.status === "running" && !stopping;
  card.root.className = `card ${stopping ? "stopping" : i.status}`;
  setText(card.title, i.challenge_name || i.challenge_id);
  setText(card.badge, stopping ? "Stopping…" : PHASES[i.phase] || i.status);
  card.by.hidden = !i.team_id;
  if (i.team_id) setText(card.by, `started by ${i.username || i.user_id}`);
  card.steps.hidden = card.meter.hidden = card.detail.hidden = !starting;
  if (starting) {
    const step = STEP_OF[i.phase] ?? 0;
    card.items.forEach((item, n) => {
      item.className = n < step ? "done" : "";
      if (n === step) item.setAttribute("aria-current", "step"); else item.removeAttribute("aria-current");
    });
    setText(card.detail, detailOf(i));
  }
  card.error.hidden = !i.error;
  if (i.error) setText(card.error, i.error.message);
  const key = running ? JSON.stringify(i.endpoints) : "";
  if (key !== card.endsKey) {
    card.endsKey = key;
    card.ends.replaceChildren(...(running ? i.endpoints.map((e, n) => endpoint(e, i.connection_hints[n])) : []));
  }
  card.ends.hidden = !running;
  card.timer.hidden = !running;
  card.stop.disabled = stopping;
  setText(card.stop, stopping ? "Stopping…" : starting ? "Cancel" : i.status === "error" ? "Dismiss" : "Stop");
  card.stop.setAttribute("aria-label", `${card.stop.textContent} ${card.title.textContent}`);
  drawExtend(card, i);
  return running ? drawTimer(card, i) : Infinity;
}
function draw() {
  let soonest = Infinity, soonestName = "";
  for (const [id, card] of cards) if (!state.instances.has(id)) { card.root.remove(); cards.delete(id); }
  for (const [id, instance] of state.instances) {
    if (!cards.has(id)) cards.set(id, newCard(instance));
    const left = drawCard(cards.get(id), instance);
    if (left < soonest) { soonest = left; soonestName = instance.challenge_name || instance.challenge_id; }
  }
  document.title = soonest < Infinity && soonest > 0 ? `${clock(soonest)} ${soonestName}` : "Challenges - Whaley";
  $("no-instances").hidden = state.instances.size > 0;
  if (state.quota) setText($("quota"), `${state.quota.instances} / ${state.quota.max_instances} in use ·`);
  if (state.me) {
    const user = state.me.user;
    setText($("who"), user.team_name || (state.authMode === "none" ? `Guest (by address ${user.user_id})` : user.username));
    $("who").title = state.authMode === "none" ? "People behind the same address share these instances" : "";
  }
  drawButtons();
}
const challengeCards = new Map();
function newChallenge(c) {
  const button = el("button", { type: "button", class: "primary" });
  const error = el("p", { class: "bad", role: "alert", hidden: true });
  button.addEventListener("click", () => {
    const own = [...state.instances.values()].find((i) => i.challenge_id === c.id && i.status !== "error");
    if (own) {
      const card = cards.get(own.instance_id);
      card.root.scrollIntoView({ block: "center" });
      card.stop.focus();
    } else start(c);
  });
  const root = el("article", { class: "card" + (c.id === wanted ? " target" : "") },
    el("div", { class: "head" }, el("h3", null, c.name), el("span", { class: "badge" }, c.category)),
    c.description ? el("p", { class: "desc", tabindex: c.description.length > 300 ? "0" : null }, c.description) : null,
    el("p", { class: "muted" }, `runs ${span(c.timeout)}` + (c.eta_s ? `, starts in ~${span(c.eta_s)}` : "")),
    error, el("div", { class: "row" }, button));
  return { root, button, error, c };
}
function drawChallenges() {
  const query = $("search").value.trim().toLowerCase();
  const keep = document.activeElement && document.activeElement.dataset.challenge;
  challengeCards.clear();
  const shown = state.challenges.filter((c) => !query || `${c.name} ${c.category} ${c.id}`.toLowerCase().includes(query));
  for (const c of shown) challengeCards.set(c.id, newChallenge(c));
  $("challenges").replaceChildren(...[...challengeCards.values()].map((card) => card.root));
  $("no-challenges").hidden = shown.length > 0;
  setText($("no-challenges"), state.challenges.length ? "No challenge matches." : "No challenge is open yet.");
  draw();
  if (keep && challengeCards.has(keep)) challengeCards.get(keep).button.focus();
}
function drawButtons() {
  const own = new Map([...state.instances.values()].filter((i) => i.status !== "error").map((i) => [i.challenge_id, i]));
  const full = state.quota && state.quota.instances >= state.quota.max_instances, wait = state.cooldown - now();
  for (const { button, error, c } of challengeCards.values()) {
    const instance = own.get(c.id);
    let text = "Start", off = false;
    if (instance) text = instance.status === "running" ? `Running ${clock(at(instance.expires_at) - now())}` : (PHASES[instance.phase] || instance.status) + "…";
    else if (state.busy.has(c.id)) [text, off] = ["Starting…", true];
    else if (c.state === "unavailable") [text, off] = ["Unavailable", true];
    else if (wait > 0) [text, off] = [`Wait ${clock(wait)}`, true];
    else if (full) [text, off] = ["Limit reached: stop one first", true];
    setText(button, text);
    button.dataset.challenge = c.id;
    button.disabled = off;
    button.className = instance ? "" : "primary";
    button.setAttribute("aria-label", `${text}: ${c.name}`);
    const told = [...state.instances.values()].some((i) => i.challenge_id === c.id && i.error);
    const failure = (!told && state.failures.get(c.id)) || "";
    setText(error, failure);
    error.hidden = !failure;
  }
}

// ---- start ----

async function boot() {
  try {
    state.authMode = (await api("GET", "/api")).auth_mode;
    if (state.authMode !== "none") {
      banner("This instancer asks for a CTFd token, which this page cannot take yet. Scripts can send it as Authorization: Bearer.");
      $("no-challenges").hidden = true;
      return;
    }
  } catch (error) { lost(error); }
  await Promise.all([refresh(), loadChallenges()]);
  const target = challengeCards.get(wanted);
  if (target) { target.root.scrollIntoView({ block: "center" }); target.button.focus({ preventScroll: true }); }
  listen();
  setInterval(() => { if (!document.hidden) { drawLost(); draw(); } }, 1000);
  setInterval(() => {
    if (document.hidden) return;
    if (!state.live) refresh();
    if (!source) listen();
  }, POLL_MS);
}
boot();
