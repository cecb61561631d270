import { line, problem, serve, settled } from "./browser.js";
import assert from "node:assert/strict";
import { afterEach, before, beforeEach, mock, test } from "node:test";
import { answeredHere } from "../../static/js/recent-answers.js";
import { OUTBOX_KEY, keptOutbox } from "../../static/js/device.js";
import { checkIn, closeOutbox, flush, resumeOutbox, cancelUnsent } from "../../static/js/outbox.js";
import { clear, set, state } from "../../static/js/store.js";
import { useLanguage } from "../../static/js/texts.js";

const SLOT = "2026-05-21T06:00:00Z";
const step = (id = "s1", more = {}) => ({
  id,
  title: "Take amoxicillin",
  kind: "plan",
  status: "active",
  as_needed: false,
  schedule: { times: ["08:00"] },
  open_slot: SLOT,
  today: [{ slot: SLOT, state: "open" }],
  created_at: "2026-05-18T05:00:00Z",
  ...more,
});
const sent = (requests) => requests.filter(({ path }) => path.startsWith("check-in/"));
const taken = ({ path }) => step(path.split("/")[1], { open_slot: null });

before(() => useLanguage("en"));
beforeEach(() => {
  mock.timers.enable({ apis: ["Date", "setTimeout"], now: Date.parse("2026-05-21T06:05:00Z") });
  line.up = true;
  clear("in");
  set({ user: { id: "u1", role: "patient", timezone: "UTC" }, connection: "live" });
  state.steps = { s1: step() };
});
afterEach(async () => {
  await settled();
  closeOutbox();
  localStorage.removeItem(OUTBOX_KEY);
  mock.timers.reset();
});

test("a check-in reaches the service once, and nothing is kept after it", async () => {
  const requests = serve(taken);
  checkIn(step(), { slot: SLOT });
  await settled();
  assert.equal(sent(requests).length, 1);
  assert.deepEqual(sent(requests)[0].body, { slot: SLOT, at: "2026-05-21T06:05:00.000Z" });
  assert.deepEqual([state.outbox, keptOutbox()], [[], []]);
});

test("a second press on the same slot is not a second check-in", async () => {
  const requests = serve(taken);
  checkIn(step(), { slot: SLOT });
  checkIn(step(), { slot: SLOT });
  await settled();
  assert.equal(sent(requests).length, 1);
});

test("a check-in is on this device before it is sent", () => {
  const requests = serve(() => new Promise(() => {}));
  line.up = false;
  checkIn(step(), { slot: SLOT });
  assert.equal(sent(requests).length, 0);
  assert.deepEqual(
    keptOutbox().map((entry) => [entry.step_id, entry.slot, entry.user_id]),
    [["s1", SLOT, "u1"]],
  );
  assert.equal(state.outbox[0].waiting, true);
});

test("what was answered offline is sent when the connection is back, with the time of the tap", async () => {
  const requests = serve(taken);
  line.up = false;
  checkIn(step(), { slot: SLOT });
  await settled();
  mock.timers.setTime(Date.parse("2026-05-21T09:00:00Z"));
  line.up = true;
  await flush();
  await settled();
  assert.equal(sent(requests)[0].body.at, "2026-05-21T06:05:00.000Z");
  assert.deepEqual(keptOutbox(), []);
  assert.ok(state.banners.some((banner) => banner.title.startsWith("Back online. 1 check-in ")));
});

test("a request without an answer is sent again with the same key and the same body", async () => {
  let tries = 0;
  const requests = serve((request) => {
    tries += 1;
    if (tries === 1) throw new TypeError("connection lost");
    return taken(request);
  });
  checkIn(step(), { slot: SLOT });
  await settled();
  assert.equal(keptOutbox().length, 1);
  mock.timers.tick(5000);
  await settled();
  const [first, second] = sent(requests);
  assert.equal(sent(requests).length, 2);
  assert.deepEqual([second.key, second.body], [first.key, first.body]);
  assert.deepEqual(keptOutbox(), []);
});

test("a busy service keeps the check-in waiting, and those after it in their order", async () => {
  const requests = serve(() => problem(503, "unavailable"));
  checkIn(step("s1"), { slot: SLOT });
  checkIn(step("s2"), { slot: SLOT });
  await settled();
  assert.deepEqual(
    sent(requests).map(({ path }) => path),
    ["check-in/s1/"],
  );
  assert.deepEqual(
    keptOutbox().map((entry) => entry.step_id),
    ["s1", "s2"],
  );
  assert.ok(state.outbox.every((entry) => entry.waiting && !entry.sending));
});

test("a check-in that the service refuses for good is told, and does not hold up the next", async () => {
  const requests = serve((request) =>
    request.path === "check-in/s1/" ? problem(409, "step-cancelled") : taken(request),
  );
  checkIn(step("s1"), { slot: SLOT });
  checkIn(step("s2"), { slot: SLOT });
  await settled();
  assert.equal(sent(requests).length, 2);
  assert.deepEqual(keptOutbox(), []);
  const [told] = state.banners.filter((banner) => banner.kind === "error");
  assert.equal(told.text, "The step was stopped by a newer note.");
});

test("a device with a wrong clock is answered without its time, not refused", async () => {
  const requests = serve((request) =>
    request.body.at ? problem(422, "invalid", { errors: [{ pointer: "#/at" }] }) : taken(request),
  );
  checkIn(step(), { slot: SLOT });
  await settled();
  assert.deepEqual(
    sent(requests).map(({ body }) => body),
    [{ slot: SLOT, at: "2026-05-21T06:05:00.000Z" }, { slot: SLOT }],
  );
  assert.deepEqual(keptOutbox(), []);
});

test("a use that comes too soon asks the person, and is not sent by itself", async () => {
  serve(() => problem(409, "too-soon", { next_allowed_at: "2026-05-21T10:00:00Z" }));
  checkIn(step("s1", { as_needed: true }));
  await settled();
  assert.deepEqual(state.tooSoon, {
    step_id: "s1",
    at: "2026-05-21T06:05:00.000Z",
    next: "2026-05-21T10:00:00Z",
  });
  assert.deepEqual(keptOutbox(), []);
});

test("an as-needed use while offline is recorded whatever the limits say", () => {
  serve(taken);
  line.up = false;
  checkIn(step("s1", { as_needed: true }));
  checkIn(step("s2"), { slot: SLOT });
  assert.deepEqual(
    keptOutbox().map((entry) => entry.confirm),
    [true, false],
  );
});

test("a check-in that has not left can be taken back; one on its way cannot", async () => {
  const requests = serve(taken);
  line.up = false;
  checkIn(step(), { slot: SLOT });
  assert.equal(cancelUnsent({ ...state.outbox[0], sending: true }), false);
  assert.equal(cancelUnsent(state.outbox[0]), true);
  line.up = true;
  await flush();
  assert.equal(sent(requests).length, 0);
  assert.deepEqual(keptOutbox(), []);
});

test("what an earlier page left unsent is sent, and what another person left is not", async () => {
  const entry = (key, user) => ({
    key,
    user_id: user,
    step_id: "s1",
    slot: SLOT,
    outcome: "done",
    at: "2026-05-20T06:00:00.000Z",
  });
  localStorage.setItem(OUTBOX_KEY, JSON.stringify([entry("k1", "u1"), entry("k2", "u2")]));
  const requests = serve(taken);
  resumeOutbox("u1");
  await settled();
  assert.deepEqual(
    sent(requests).map(({ key }) => key),
    ["k1"],
  );
  assert.deepEqual(
    keptOutbox().map(({ key }) => key),
    ["k2"],
  );
});

test("one's own answer from before a reload is not told as another device's", async () => {
  const entry = { key: "k1", user_id: "u1", step_id: "s9", slot: SLOT, outcome: "done" };
  localStorage.setItem(OUTBOX_KEY, JSON.stringify([entry]));
  serve(taken);
  assert.equal(answeredHere("s9", SLOT), false);
  resumeOutbox("u1");
  await settled();
  assert.equal(answeredHere("s9", SLOT), true);
});

test("what another page of the same browser has sent is not sent from this one", async () => {
  const requests = serve(taken);
  line.up = false;
  checkIn(step(), { slot: SLOT });
  localStorage.removeItem(OUTBOX_KEY);
  line.up = true;
  await flush();
  assert.equal(sent(requests).length, 0);
  assert.deepEqual(state.outbox, []);
});

test("a skipped slot keeps the reason that the person gave", async () => {
  const requests = serve(taken);
  checkIn(step(), { slot: SLOT, outcome: "skipped", reason: "felt sick" });
  await settled();
  assert.equal(sent(requests)[0].body.reason, "felt sick");
  assert.deepEqual(
    state.checkIns.s1.map(({ slot, outcome, reason }) => [slot, outcome, reason]),
    [[SLOT, "skipped", "felt sick"]],
  );
});
