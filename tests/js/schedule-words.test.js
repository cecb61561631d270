import "./browser.js";
import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  changeWords,
  daysOf,
  everyAt,
  howOften,
  limitsWords,
  scheduleBody,
  scheduleLine,
} from "../../static/js/schedule-words.js";
import { useLanguage } from "../../static/js/texts.js";

before(() => useLanguage("en"));

const plan = (more = {}) => ({
  start_date: "2026-05-18",
  times: ["08:00", "20:00"],
  times_from: "note",
  every_days: 1,
  occurrences: 14,
  miss_policy: "extend",
  ...more,
});

test("a daily plan reads as every day at its times", () => {
  assert.equal(everyAt(plan()), "Every day at 08:00 and 20:00");
});

test("weekdays and every other week are said by their names", () => {
  const words = everyAt(plan({ weekdays: ["mon", "fri"], every_days: 14, times: ["08:00"] }));
  assert.equal(words, "Every other week on Monday and Friday at 08:00");
});

test("a monthly plan names its day of the month", () => {
  const monthly = (on_day) => everyAt(plan({ every_months: 1, on_day, times: ["08:00"] }));
  assert.equal(monthly(1), "On the 1st of every month at 08:00");
  assert.equal(monthly("last"), "On the last day of every month at 08:00");
});

test("parts of the day are said as such, with their times", () => {
  const parts = plan({ times_from: "day_parts", parts: ["noon"], times: ["12:30"] });
  assert.equal(everyAt(parts), "Every day at noon (12:30)");
});

test("two times a day for fourteen doses last seven days", () => {
  assert.equal(daysOf(plan()), 7);
  assert.equal(daysOf(plan({ every_days: 2 })), 14);
  assert.equal(daysOf(plan({ occurrences: null })), null);
});

test("a row says how often and how long", () => {
  assert.equal(howOften({ schedule: plan() }), "twice a day, 7 days");
  assert.equal(howOften({ schedule: null }), "once");
  assert.equal(howOften({ as_needed: true, schedule: plan() }), "only if needed");
  assert.equal(
    howOften({ schedule: plan({ weekdays: ["mon"], times: ["08:00"], occurrences: 4 }) }),
    "every Monday, 4 times",
  );
});

test("the doctor's line says whether a missed day is added", () => {
  assert.match(scheduleLine({ schedule: plan() }), /^08:00, 20:00 · 7 days · .*added/);
  assert.doesNotMatch(scheduleLine({ schedule: plan({ miss_policy: "fixed" }) }), /added/);
  assert.match(scheduleLine({ schedule: plan({ occurrences: null }) }), /no end/);
});

test("limits of an as-needed step are both said", () => {
  const words = limitsWords({ min_gap_hours: 6, max_per_day: 4 });
  assert.match(words, /6 hours.*4/);
  assert.equal(limitsWords(null), null);
});

test("what differs between two versions of a step is named once", () => {
  const before = { schedule: plan(), detail: "With food" };
  assert.deepEqual(
    changeWords(before, { ...before, schedule: plan({ times: ["09:00", "21:00"] }) }),
    ["08:00, 20:00", "09:00, 21:00"],
  );
  assert.deepEqual(changeWords(before, { ...before, detail: "Without food" }), [
    "With food",
    "Without food",
  ]);
  assert.equal(changeWords(before, before)[0], null);
});

test("a plan that a doctor sends back is the plan that was read", () => {
  assert.deepEqual(scheduleBody(plan(), "2026-05-17"), {
    start_in_days: 1,
    times: ["08:00", "20:00"],
    every_days: 1,
    duration_days: 7,
    miss_policy: "extend",
  });
  const weekly = plan({ weekdays: ["mon"], times: ["08:00"], occurrences: 4 });
  const body = scheduleBody(weekly, "2026-05-18");
  assert.equal(body.occurrences, 4);
  assert.equal("duration_days" in body, false);
});

test("times that are the patient's own are sent as a number, not as clock times", () => {
  const own = scheduleBody(plan({ times_from: "reminder_time" }), "2026-05-18");
  assert.equal(own.times_per_day, 2);
  assert.equal("times" in own, false);
});

test("the same plan reads in Spanish with no English word", async () => {
  await useLanguage("es");
  try {
    const words = everyAt(plan({ every_months: 1, on_day: 1, times: ["08:00"] }));
    assert.match(words, /^El día 1 de cada mes .*0?8:00$/);
  } finally {
    await useLanguage("en");
  }
});
