import { serve, settled } from "./browser.js";
import assert from "node:assert/strict";
import { afterEach, before, beforeEach, mock, test } from "node:test";
import { rememberAnswered } from "../../static/js/recent-answers.js";
import { lastEventSeq, stopKeeping } from "../../static/js/data.js";
import {
  groupOf,
  receive,
  refreshPatients,
  showPending,
  stopSoon,
  applyCheckIn,
  watchers,
} from "../../static/js/feed.js";
import { clear, set, state } from "../../static/js/store.js";
import { useLanguage } from "../../static/js/texts.js";

const SLOT = "2026-05-21T06:00:00Z";
const step = (more = {}) => ({
  id: "s1",
  title: "Take amoxicillin",
  kind: "plan",
  status: "active",
  as_needed: false,
  schedule: { times: ["08:00"] },
  open_slot: SLOT,
  today: [{ slot: SLOT, state: "open" }],
  ...more,
});
const paths = (requests) => requests.map(({ path }) => path).filter((path) => !/^token/.test(path));
const signedIn = (role) => {
  clear("in");
  set({ user: { id: "u1", role, timezone: "UTC" }, connection: "live" });
};

before(() => useLanguage("en"));
beforeEach(() => {
  mock.timers.enable({ apis: ["Date", "setTimeout"], now: Date.parse("2026-05-21T06:05:00Z") });
  location.hash = "#/today";
  signedIn("patient");
});
afterEach(async () => {
  await settled();
  stopSoon();
  stopKeeping();
  watchers.clear();
  document.querySelector = () => null;
  mock.timers.reset();
});

const due = (seq = 1) =>
  receive({ event: "reminder.due", seq, data: { step: step(), slot: SLOT } });
const checkedIn = (outcome, more = {}) =>
  receive({
    event: "step.checked_in",
    seq: 2,
    at: "2026-05-21T06:04:00Z",
    data: { step: step({ open_slot: null, ...more }), slot: SLOT, outcome },
  });

test("a reminder on another page is shown as a toast; on Today the row itself is enough", () => {
  location.hash = "#/calendar";
  due();
  due(2);
  assert.deepEqual(state.toasts, [{ step_id: "s1", slot: SLOT }]);
  state.toasts = [];
  location.hash = "#/today";
  due(3);
  assert.deepEqual(state.toasts, []);
  assert.equal(state.steps.s1.open_slot, SLOT);
});

test("no reminder is shown for a slot whose check-in is on its way", () => {
  location.hash = "#/calendar";
  state.outbox = [{ step_id: "s1", slot: SLOT, key: "k" }];
  due();
  assert.deepEqual(state.toasts, []);
});

test("a slot answered on another device is said so for a moment, and its toast goes", () => {
  state.steps = { s1: step() };
  state.toasts = [{ step_id: "s1", slot: SLOT }];
  checkedIn("done");
  assert.deepEqual(state.toasts, []);
  assert.equal(state.elsewhere[0].title, "Take amoxicillin");
  mock.timers.tick(4000);
  assert.deepEqual(state.elsewhere, []);
});

test("a slot answered on this page is not said to be answered elsewhere", () => {
  state.steps = { s1: step() };
  rememberAnswered("s1", SLOT);
  checkedIn("done");
  assert.deepEqual(state.elsewhere, []);
});

test("the same check-in told twice is shown once, and one taken back is gone", () => {
  checkedIn("done");
  checkedIn("done");
  assert.equal(state.checkIns.s1.length, 1);
  checkedIn("undone");
  assert.deepEqual(state.checkIns.s1, []);
});

test("two uses of an as-needed step within a minute of each other are one use", () => {
  const use = (at) =>
    receive({
      event: "step.checked_in",
      at,
      data: { step: step({ as_needed: true }), slot: null, outcome: "done" },
    });
  use("2026-05-21T06:00:00Z");
  use("2026-05-21T06:00:30Z");
  use("2026-05-21T10:00:00Z");
  assert.deepEqual(
    state.checkIns.s1.map(({ at }) => at),
    ["2026-05-21T06:00:00Z", "2026-05-21T10:00:00Z"],
  );
});

test("a step that a newer note stops asks for nothing more and keeps what was done", () => {
  const today = [
    { slot: SLOT, state: "done" },
    { slot: "2026-05-21T18:00:00Z", state: "upcoming" },
  ];
  state.steps = { s1: step({ today }) };
  state.toasts = [{ step_id: "s1", slot: SLOT }];
  serve(() => ({ items: [], next: null }));
  receive({ event: "steps.changed", seq: 3, data: { cancelled: ["s1"] } });
  assert.equal(state.steps.s1.status, "cancelled");
  assert.equal(state.steps.s1.open_slot, null);
  assert.deepEqual(
    state.steps.s1.today.map((slot) => slot.state),
    ["done"],
  );
  assert.deepEqual(state.toasts, []);
});

test("a patient is told that the plan changed, and of steps that the doctor stopped", () => {
  serve(() => ({ items: [], next: null }));
  state.steps = { s1: step() };
  receive({
    event: "steps.changed",
    data: { by: "doctor", why: "stopped", cancelled: ["s1"], created: [step({ id: "s2" })] },
  });
  assert.deepEqual(
    state.banners.map((banner) => banner.title.replace(/\d\d:\d\d.*/, "")),
    ["A step is no longer on your list", "Your plan changed at "],
  );
});

test("whatever ends a step, the patient is told its name and what is left", () => {
  serve(() => ({ items: [], next: null }));
  const kept = step({ id: "s9", title: "Walk" });
  for (const [why, by, gone, ended] of [
    ["stopped", "doctor", "cancelled", "A step is no longer on your list"],
    ["withdrawn", "doctor", "cancelled", "A step is no longer on your list"],
    ["ended", "course", "completed", "A course is over"],
  ]) {
    state.banners = [];
    state.steps = { s1: step({ title: "Ramipril" }), s9: kept };
    receive({ event: "steps.changed", data: { by, why, [gone]: ["s1"], created: [] } });
    assert.equal(state.banners[0].title, ended);
    assert.match(state.banners[0].text, /Ramipril\..*One step runs on\./);
  }
  state.banners = [];
  state.steps = { s1: step({ title: "Ramipril" }) };
  receive({
    event: "steps.changed",
    data: {
      by: "doctor",
      why: "note",
      cancelled: ["s1"],
      created: [step({ id: "s2", title: "X-ray" })],
    },
  });
  assert.match(state.banners[0].text, /No longer on your list: Ramipril\./);
});

test("what one stopped oneself is no news", () => {
  serve(() => ({ items: [], next: null }));
  state.steps = { s1: step() };
  receive({ event: "steps.changed", data: { by: "patient", why: "stopped", cancelled: ["s1"] } });
  assert.deepEqual(state.banners, []);
});

test("a doctor is told when nothing runs for a patient any more", async () => {
  signedIn("doctor");
  set({ patients: [{ id: "p1", name: "Ruth Alvarez", need: "on_course", steps_open: 1 }] });
  serve(() => ({
    items: [{ id: "p1", name: "Ruth Alvarez", need: "on_course", steps_open: 0 }],
    next: null,
  }));
  document.querySelector = () => null;
  await refreshPatients();
  assert.equal(state.banners[0].title, "Nothing runs for Ruth Alvarez now");
});

test("many events in a row ask the service once", async () => {
  const requests = serve(() => ({ items: [], next: null }));
  for (let i = 0; i < 20; i += 1) receive({ event: "note.status", data: { note_id: "n1" } });
  assert.deepEqual(paths(requests), []);
  mock.timers.tick(400);
  await settled();
  assert.deepEqual(paths(requests), ["notes/?limit=200"]);
});

test("an older answer of a slow check-in does not undo what an event said after it", () => {
  state.steps = { s1: step() };
  const before = lastEventSeq("s1");
  checkedIn("done", { title: "newer" });
  const entry = { slot: SLOT, outcome: "done", waiting: true };
  applyCheckIn(step({ title: "older" }), entry, before);
  assert.equal(state.steps.s1.title, "newer");
  applyCheckIn(step({ title: "newest" }), entry, lastEventSeq("s1"));
  assert.equal(state.steps.s1.title, "newest");
});

test("an author is told of a note that failed or waits, but not on that note's page", () => {
  signedIn("doctor");
  const status = (name, more = {}) =>
    receive({ event: "note.status", data: { note_id: "n1", status: name, ...more } });
  location.hash = "#/patients";
  status("failed", { failure: "timeout" });
  assert.deepEqual(
    state.banners.map(({ kind, about, link }) => [kind, about, link.href]),
    [["error", "n1", "#/notes/n1"]],
  );
  status("ready");
  assert.deepEqual(state.banners, []);
  location.hash = "#/notes/n1";
  status("failed");
  assert.deepEqual(state.banners, []);
});

test("a doctor's rows do not move under the pointer; the newer order waits until it is called", async () => {
  signedIn("doctor");
  const row = (id, need) => ({ id, need, name: id });
  set({ patients: [row("p1", "late"), row("p2", "none")] });
  const newer = [row("p2", "late"), { ...row("p1", "none"), name: "renamed" }];
  serve(() => ({ items: newer, next: null }));
  document.querySelector = () => ({ matches: () => true, contains: () => false });
  await refreshPatients();
  assert.deepEqual(
    state.patients.map((p) => [p.id, p.name, groupOf(p), p.need]),
    [
      ["p1", "renamed", "late", "none"],
      ["p2", "p2", "none", "late"],
    ],
    "each stays in its group, and says what is so now",
  );
  assert.equal(state.patientsPending.count, 2);
  showPending();
  assert.deepEqual(
    state.patients.map(({ id }) => id),
    ["p2", "p1"],
  );
});

test("a page that shows a patient whose row changed reads it again", async () => {
  signedIn("doctor");
  set({ patients: [{ id: "p1", need: "none" }] });
  serve(() => ({ items: [{ id: "p1", need: "late" }], next: null }));
  const told = [];
  watchers.add((event) => told.push(event.data.patient.id));
  await refreshPatients();
  assert.deepEqual(told, ["p1"]);
});
