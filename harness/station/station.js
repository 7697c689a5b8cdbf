"use strict";
// The station sends its state in parts (EventSource), all of them first and then those that change.

const at = id => document.getElementById(id);
const cards = new Map();
const ladders = new Map();
let order = { phones: [], ladders: [] };
let offset = 0; // bench's clock minus ours, in milliseconds
let last = 0; // when the run last wrote something, in seconds of the bench's clock
let ended = false;

function made(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter(each => each !== "" && each !== null));
  return node;
}
const link = (address, text) => Object.assign(made("a", "", text), { href: address });
const verdict = what => made("span", `verdict ${what.replaceAll(" ", "-")}`, what);
const clock = seconds => new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" }).format(seconds * 1000);
const counted = counts => Object.entries(counts).map(([what, count]) =>
  made("span", "", made("b", what.replaceAll(" ", "-"), String(count)), ` ${what}`));

function length(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
function since(seconds) {
  const node = made("span", "since");
  node.dataset.since = seconds; // tick() fills it
  return node;
}
// What is the same stays as it stands, so that focus and selection survive.
const shown = new WeakMap();
function replace(parent, ...children) {
  const fresh = made("div", "", ...children);
  if (shown.get(parent) === fresh.innerHTML) return;
  shown.set(parent, fresh.innerHTML);
  parent.replaceChildren(...fresh.childNodes);
}
function keep(known, names) {
  for (const [name, node] of known) {
    if (!names.includes(name)) { node.remove(); known.delete(name); }
  }
}
// In the run's order; what the run did not name yet comes last.
function arrange(parent, known, names) {
  const rest = [...known.keys()].filter(name => !names.includes(name));
  [...names, ...rest].map(name => known.get(name)).filter(Boolean).forEach((node, index) => {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
}

function showRun(run) {
  ended = run.ended > 0;
  order = run;
  document.title = run.id ? `${run.lab || run.id} · station view` : "Station view";
  replace(at("lab"), ...(run.id ? [`${run.lab} `, made("small", "", run.id)] : ["Station view"]));
  const facts = run.id
    ? [ended ? made("span", "", "ended") : made("span", "going-on", "going on"), made("span", "", `began ${clock(run.started)}`),
      ended ? made("span", "", `took ${length(run.ended - run.started)}`) : made("span", "", "last event ", made("span", "last-event since", "")),
      made("span", "", run.pbx), run.not_run ? made("span", "", `${run.not_run} tests not run`) : ""]
    : [made("span", "", "There is no run yet. This page shows the next one as soon as it starts.")];
  replace(at("facts"), ...facts, ...Object.entries(run.pages).map(([what, address]) => link(address, what)));
  at("facts").dataset.run = run.id;
  at("facts").dataset.ended = ended;
  const seeded = Object.entries(run.seeded).map(([name, what]) => `${name}: ${what}`).join("; ");
  replace(at("banners"),
    run.virtual ? made("p", "banner", "These phones are digital twins; everything on the wire is real.") : "",
    seeded ? made("p", "banner", `Defects were planted on purpose: ${seeded}`) : "");
  keep(cards, run.phones);
  keep(ladders, run.ladders);
  arrange(at("phones"), cards, run.phones);
  arrange(at("ladders"), ladders, run.ladders);
}

function showPhone(phone) {
  if (!cards.has(phone.name)) {
    const card = made("li", "card");
    card.dataset.phone = phone.name;
    card.append(made("h3"), made("p", "is"), made("p", "step"), made("ul", "lamps"), made("p", "test"), made("p", "last"));
    cards.set(phone.name, card);
    at("phones").append(card);
  }
  const card = cards.get(phone.name);
  const [head, is, step, lamps, test, before] = card.children;
  card.dataset.state = phone.state;
  replace(head, `${phone.name} `, made("small", "", `${phone.model} `), phone.label ? made("span", `label ${phone.label}`, phone.label) : "");
  replace(is, made("span", `state ${phone.state}`, phone.state || "not seen yet"), phone.why ? made("span", "why", ` ${phone.why}`) : "");
  replace(step, ...(phone.steps.length ? [`${phone.steps.join(" › ")} `, since(phone.step_since)] : []));
  replace(lamps, ...phone.lamps.map(({ lamp, colour }) => {
    const item = made("li", "", made("span", `dot ${colour}`), `${lamp} ${colour}`);
    item.dataset.lamp = lamp;
    item.dataset.colour = colour;
    return item;
  }));
  replace(test, ...(phone.test ? ["now ", made("span", "name", phone.test), " ", since(phone.test_since)] : []));
  replace(before, ...(phone.last ? ["last ", verdict(phone.last.verdict), ` ${phone.last.test}`] : []));
  arrange(at("phones"), cards, order.phones);
}

function showTests(tests) {
  const counts = counted(tests.counts);
  replace(at("counts"), ...(counts.length ? counts : ["no test has ended yet"]));
  replace(at("failed"), ...tests.failed.map(result => made("li", "",
    verdict(result.verdict), ` ${result.test} `, made("span", "duration", `${result.duration} s`),
    result.evidence ? made("span", "", " ", link(result.evidence, "evidence")) : "",
    result.reason ? made("p", "why", result.reason) : "")),
  tests.left_out ? made("li", "", `and ${tests.left_out} before, in the report`) : "");
}

function showLadder(ladder) {
  if (!ladders.has(ladder.key)) {
    const box = made("div", "ladder-of", made("h3"), made("p", "note"), made("div", "scroll"));
    box.dataset.ladder = ladder.key;
    box.lastChild.tabIndex = 0;
    box.lastChild.setAttribute("role", "region");
    box.parts = [];
    box.at = 0;
    ladders.set(ladder.key, box);
    at("ladders").append(box);
  }
  const box = ladders.get(ladder.key);
  const [head, note, scroll] = box.children;
  replace(head, `${ladder.test} `, ladder.verdict ? verdict(ladder.verdict) : since(ladder.since));
  const before = ladder.left_out ? `, the last ${ladder.messages - ladder.left_out} are shown` : "";
  replace(note, ladder.messages ? `${ladder.messages} messages${before}` : "no SIP message yet");
  scroll.setAttribute("aria-label", `SIP ladder of ${ladder.test}`);
  scroll.hidden = !ladder.html;
  // Only what is new: an unfolded message stays unfolded, and keeps the focus.
  const template = document.createElement("template");
  template.innerHTML = ladder.html;
  const fresh = [...template.content.children];
  const followed = scroll.scrollTop === box.at;
  fresh.forEach((node, index) => {
    const text = node.outerHTML;
    if (box.parts[index] === text) return;
    box.parts[index] = text;
    if (scroll.children[index]) scroll.children[index].replaceWith(node);
    else scroll.append(node);
  });
  while (scroll.children.length > fresh.length) scroll.lastChild.remove();
  box.parts.length = fresh.length;
  // The newest arrow stays in sight until somebody scrolls to look at another one.
  if (followed && fresh.length) scroll.scrollTop = scroll.firstChild.clientHeight - scroll.clientHeight + 24;
  if (followed) box.at = scroll.scrollTop;
  arrange(at("ladders"), ladders, order.ladders);
}

function showNights({ nights, fault }) {
  replace(at("nights-note"), fault || (nights.length ? "" : "none yet"));
  at("nights-note").hidden = !fault && nights.length > 0;
  at("nights").hidden = !nights.length;
  replace(at("nights").tBodies[0], ...nights.map(night => {
    const ends = night.ended ? "" : night.going_on ? " going on" : " did not end";
    const row = made("tr", "",
      made("td", "", clock(night.started), ends), made("td", "", `${night.benches.join(", ")} ${night.pbx}`),
      made("td", "", night.loads.join(", ")), made("td", "", ...counted(night.counts)),
      made("td", "", ...Object.entries(night.pages).map(([what, address]) => link(address, what))));
    row.dataset.night = night.id;
    return row;
  }));
}

// A phone that is flashed is silent for minutes; a run that was killed is silent for good.
const SILENT = 1200;

function tick() {
  const now = (Date.now() + offset) / 1000;
  document.querySelectorAll("[data-since]").forEach(node => { node.textContent = length(now - node.dataset.since); });
  document.querySelectorAll(".last-event").forEach(node => { node.textContent = last ? `${length(now - last)} ago` : "none"; });
  document.querySelectorAll(".going-on").forEach(node => {
    node.textContent = last && now - last > SILENT ? "silent: killed, or waiting long" : "going on";
  });
}

const shows = {
  run: showRun, phone: showPhone, tests: showTests, ladder: showLadder, nights: showNights,
  clock: ({ now }) => { offset = now * 1000 - Date.now(); },
  pulse: pulse => { last = pulse.last; },
};
const source = new EventSource("/events");
for (const [kind, show] of Object.entries(shows)) {
  source.addEventListener(kind, event => { show(JSON.parse(event.data)); tick(); });
}
source.addEventListener("open", () => { at("link").textContent = "live"; at("link").className = ""; });
source.addEventListener("error", () => {
  at("link").textContent = "The station does not answer; what is shown may be old. Trying again.";
  at("link").className = "lost";
});
setInterval(tick, 1000);
