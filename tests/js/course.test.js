import "./browser.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { at } from "./browser.js";
import { courseOf, dayFrom, endOf, isDayOf, timesOn } from "../../static/js/course.js";

const ZONE = "Europe/Madrid";
const step = (changes = {}) => {
  const { schedule, progress, ...rest } = changes;
  return {
    id: "s1",
    kind: "plan",
    status: "active",
    created_at: "2026-05-18T05:00:00Z",
    today: [{ slot: "2026-05-21T06:00:00Z", state: "upcoming" }],
    schedule: {
      start_date: "2026-05-18",
      times: ["08:00"],
      every_days: 1,
      miss_policy: "extend",
      ...schedule,
    },
    progress: { done: 2, total: 5, ...progress },
    ...rest,
  };
};
const checkIn = (slot, outcome = "done") => ({ slot, outcome });
const states = (course) => course.days.map((day) => day.state).join(" ");

test("a course shows what was done, skipped and missed, today, and the days to come", (context) => {
  at(context, "2026-05-21T05:00:00Z");
  const course = courseOf(
    step({ progress: { done: 1 } }),
    [checkIn("2026-05-18T06:00:00Z"), checkIn("2026-05-19T06:00:00Z", "skipped")],
    ZONE,
  );
  assert.equal(states(course), "done skipped missed today come come come");
  assert.deepEqual(course.missed, ["2026-05-20"]);
  assert.equal(course.day, 4);
});

test("a missed day is added at the end, and marked as added", (context) => {
  at(context, "2026-05-21T05:00:00Z");
  const taken = [checkIn("2026-05-18T06:00:00Z"), checkIn("2026-05-20T06:00:00Z")];
  const course = courseOf(step(), taken, ZONE);
  assert.equal(states(course), "done missed done today come come");
  assert.equal(course.end, "2026-05-23");
  assert.deepEqual(
    course.days.map((day) => day.added),
    [0, 0, 0, 0, 0, 1],
  );
});

test("a course with a fixed end does not run longer for a missed day", (context) => {
  at(context, "2026-05-21T05:00:00Z");
  const fixed = step({ schedule: { miss_policy: "fixed" } });
  const taken = [checkIn("2026-05-18T06:00:00Z"), checkIn("2026-05-20T06:00:00Z")];
  assert.equal(courseOf(fixed, taken, ZONE).end, "2026-05-22");
});

test("a day of which some times were done is partly done", (context) => {
  at(context, "2026-05-19T05:00:00Z");
  const twice = step({
    schedule: { times: ["08:00", "20:00"] },
    progress: { done: 1, total: 6 },
  });
  const course = courseOf(twice, [checkIn("2026-05-18T06:00:00Z")], ZONE);
  assert.equal(course.days[0].state, "partly");
  assert.deepEqual(course.missed, []);
});

test("times of the first day that had passed before the note are not asked for", (context) => {
  at(context, "2026-05-19T05:00:00Z");
  const late = step({
    created_at: "2026-05-18T10:00:00Z", // noon in Madrid: 08:00 has passed, 20:00 has not
    schedule: { times: ["08:00", "20:00"] },
    progress: { done: 1, total: 6 },
  });
  const course = courseOf(late, [checkIn("2026-05-18T18:00:00Z")], ZONE);
  assert.equal(course.days[0].state, "done");
});

test("a check-in late in the evening counts for the patient's own date", (context) => {
  at(context, "2026-05-19T05:00:00Z");
  const evening = step({ schedule: { times: ["00:30"] }, progress: { done: 1, total: 3 } });
  evening.created_at = "2026-05-17T05:00:00Z";
  const course = courseOf(evening, [checkIn("2026-05-17T22:30:00Z")], ZONE);
  assert.deepEqual([course.days[0].date, course.days[0].state], ["2026-05-18", "done"]);
});

test("before the answers are loaded the course follows from the progress alone", () => {
  const course = courseOf(step({ progress: { done: 2, total: 4 } }), null, ZONE);
  assert.equal(states(course), "done done today come");
  assert.equal(course.exact, false);
});

test("a step without an end, of one time, or without progress has no course", () => {
  assert.equal(courseOf({ ...step(), progress: undefined }, [], ZONE), null);
  assert.equal(courseOf(step({ progress: { total: null } }), [], ZONE), null);
  assert.equal(courseOf(step({ progress: { total: 1 } }), [], ZONE), null);
});

test("weekdays, every other week, count from the week of the start", () => {
  const schedule = { start_date: "2026-05-18", every_days: 14, weekdays: ["mon", "fri"] };
  const days = ["2026-05-18", "2026-05-22", "2026-05-25", "2026-06-01", "2026-06-02"];
  assert.deepEqual(
    days.map((day) => isDayOf(schedule, day)),
    [true, true, false, true, false],
  );
});

test("the 31st is the last day of a shorter month, and 'last' is the last of each", () => {
  const monthly = { start_date: "2026-01-31", every_months: 1, on_day: 31 };
  assert.equal(dayFrom(monthly, "2026-02-01"), "2026-02-28");
  assert.equal(dayFrom({ ...monthly, on_day: "last" }, "2026-04-01"), "2026-04-30");
  assert.equal(dayFrom({ ...monthly, every_months: 3 }, "2026-02-01"), "2026-04-30");
});

test("no day before the start is one of the schedule", () => {
  assert.equal(isDayOf({ start_date: "2026-05-18", every_days: 1 }, "2026-05-17"), false);
});

test("every other day leaves the day between free", () => {
  const other = step({ schedule: { every_days: 2 } });
  assert.deepEqual(timesOn(other, "2026-05-18"), ["08:00"]);
  assert.deepEqual(timesOn(other, "2026-05-19"), []);
  assert.deepEqual(timesOn({ ...other, status: "cancelled" }, "2026-05-18"), []);
});

test("what is due once ends on the day of its slot", () => {
  const once = step({ progress: { done: 0, total: 1 } });
  assert.equal(endOf(once, [], ZONE), "2026-05-21");
});
