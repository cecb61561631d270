// Today in the calendar: what is still to answer belongs to it.
import "./browser.js";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { withToday } from "../../static/js/patient/calendar.js";
import { dayState } from "../../static/js/parts/day-sign.js";
import { clear, set } from "../../static/js/store.js";

const DAY = "2026-05-21";
const counted = { [DAY]: { date: DAY, due: 1, done: 1, skipped: 0 } };
const slots = (...states) => ({
  s1: { id: "s1", status: "active", today: states.map((state) => ({ state })) },
});

afterEach(clear);

test("a day with slots to come is not all done", () => {
  set({ steps: slots("done", "upcoming", "open") });
  const today = withToday(counted, DAY)[DAY];
  assert.deepEqual([today.done, today.due, dayState(today)], [1, 3, "partly"]);
});

test("when nothing is left today it is", () => {
  set({ steps: slots("done") });
  assert.equal(dayState(withToday(counted, DAY)[DAY]), "done");
  assert.equal(withToday(null, DAY), null);
});
