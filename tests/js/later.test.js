import { at, line, serve, settled } from "./browser.js";
import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";
import { momentAt } from "../../static/js/clock.js";
import { OUTBOX_KEY } from "../../static/js/device.js";
import { receive } from "../../static/js/feed.js";
import { checkIn, closeOutbox, flush } from "../../static/js/outbox.js";
import { lastAt } from "../../static/js/patient/done-at.js";
import { isElsewhere } from "../../static/js/patient/travel.js";
import { clear, set, state } from "../../static/js/store.js";
import { useLanguage } from "../../static/js/texts.js";
import { dueSlot, todayPlan } from "../../static/js/today-plan.js";

const SLOT = "2026-05-21T06:00:00Z";
const UNTIL = "2026-05-21T07:00:00Z";
const step = (more = {}) => ({
  id: "s1",
  title: "Take amoxicillin",
  kind: "plan",
  status: "active",
  as_needed: false,
  schedule: { times: ["06:00"] },
  open_slot: SLOT,
  snoozed_until: null,
  today: [{ slot: SLOT, state: "open" }],
  created_at: "2026-05-18T05:00:00Z",
  ...more,
});

before(() => useLanguage("en"));
beforeEach(() => {
  line.up = true;
  clear("in");
  set({ user: { id: "u1", role: "patient", timezone: "UTC" }, connection: "live" });
});

test("a slot that was put off comes later today, at its new time, and is due again then", (t) => {
  at(t, "2026-05-21T06:05:00Z");
  state.steps = { s1: step() };
  assert.equal(todayPlan().due.length, 1);
  receive({
    event: "reminder.snoozed",
    seq: 2,
    data: { step: step({ snoozed_until: UNTIL }), slot: SLOT, until: UNTIL },
  });
  const plan = todayPlan();
  assert.deepEqual([plan.due, plan.earlier, plan.missed], [[], [], 0]);
  assert.deepEqual(
    plan.later.map((row) => [row.slot, row.until]),
    [[SLOT, UNTIL]],
  );
  assert.equal(dueSlot(state.steps.s1, Date.parse(UNTIL) + 1), SLOT, "also without a network");
});

test("a slot of yesterday that was put off stands under today", (t) => {
  at(t, "2026-05-21T06:05:00Z");
  const slot = "2026-05-20T06:00:00Z";
  state.steps = { s1: step({ open_slot: slot, snoozed_until: UNTIL, today: [] }) };
  assert.deepEqual(
    todayPlan().later.map((row) => row.until),
    [UNTIL],
  );
});

test("a clock time is found on its date, also where clocks change", () => {
  const iso = (...of) => new Date(momentAt(...of)).toISOString();
  assert.equal(iso("2026-05-21", "09:30", "Europe/Berlin"), "2026-05-21T07:30:00.000Z");
  assert.equal(iso("2026-03-29", "03:30", "Europe/Berlin"), "2026-03-29T01:30:00.000Z");
  assert.equal(iso("2026-05-21", "00:10", "Pacific/Kiritimati"), "2026-05-20T10:10:00.000Z");
});

test("a time of day that is still to come is that of yesterday", () => {
  const now = Date.parse("2026-05-21T08:00:00Z");
  assert.equal(new Date(lastAt("07:30", now)).toISOString(), "2026-05-21T07:30:00.000Z");
  assert.equal(new Date(lastAt("23:00", now)).toISOString(), "2026-05-20T23:00:00.000Z");
});

test("a zone whose clocks show the same is no other place", () => {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  assert.equal(isElsewhere({ timezone: here }), false);
  const [first, second] = ["Asia/Tokyo", "America/New_York"].map((timezone) =>
    isElsewhere({ timezone }, new Date("2026-05-21T08:00:00Z")),
  );
  assert.ok(first || second);
});

// The last test: what the service's clock says is kept for the page.
test("where the clock of the device is wrong, an answer has the time of the service", async (t) => {
  at(t, "2026-05-21T06:05:00Z");
  t.after(() => {
    closeOutbox();
    localStorage.removeItem(OUTBOX_KEY);
  });
  state.steps = { s1: step() };
  const requests = serve(({ path }) =>
    path.startsWith("check-in/")
      ? Response.json(step({ open_slot: null }))
      : Response.json({ access: "a" }, { headers: { Date: "Thu, 21 May 2026 08:05:00 GMT" } }),
  );
  line.up = false;
  checkIn(step(), { slot: SLOT });
  await settled();
  line.up = true;
  const { send } = await import("../../static/js/http.js");
  await send("GET", "me/");
  await flush();
  await settled();
  const [sent] = requests.filter(({ path }) => path.startsWith("check-in/"));
  assert.equal(sent.body.at, "2026-05-21T08:05:00.000Z");
  assert.ok(state.banners.some((banner) => banner.title.includes("clock")));
});
