// A step's answers by day and hour.
import assert from "node:assert/strict";
import test from "node:test";
import { datesUpTo, hourLines, markOf, tally } from "../../static/js/answer-grid.js";

const slot = (date, time, state) => ({ date, time, state, slot: `${date}T${time}:00Z` });
const SLOTS = [
  slot("2027-03-01", "08:00", "done"),
  slot("2027-03-01", "20:00", "missed"),
  slot("2027-03-02", "08:00", "done"),
  slot("2027-03-02", "20:00", "skipped"),
  slot("2027-02-01", "08:00", "missed"),
];

test("a doctor sees that the evening is missed and the morning kept", () => {
  const lines = hourLines(SLOTS, datesUpTo("2027-03-03", 3));
  assert.deepEqual(
    lines.map((line) => [line.time, line.marks, line.done, line.due]),
    [
      ["08:00", ["done", "done", "none"], 2, 2],
      ["20:00", ["missed", "skipped", "none"], 0, 2],
    ],
  );
});

test("times that moved within an hour share its line, which names the hour", () => {
  const moved = [slot("2027-03-01", "08:00", "done"), slot("2027-03-02", "08:30", "done")];
  const [line] = hourLines(moved, datesUpTo("2027-03-02", 2));
  assert.deepEqual([line.hour, line.time, line.marks], ["08", null, ["done", "done"]]);
});

test("several slots of one day and hour are one mark, and some done is in part", () => {
  const marks = (...states) => markOf(states.map((state) => ({ state })));
  assert.equal(marks(), "none");
  assert.equal(marks("done", "done"), "done");
  assert.equal(marks("done", "missed"), "partly");
  assert.equal(marks("done", "skipped"), "partly");
  assert.equal(marks("skipped", "missed"), "missed");
});

test("thirty days end today, and what is counted is what was due", () => {
  const dates = datesUpTo("2027-03-02", 30);
  assert.equal(dates.length, 30);
  assert.equal(dates[0], "2027-02-01");
  assert.deepEqual(tally(SLOTS), { due: 5, done: 2, skipped: 1, missed: 2 });
});
