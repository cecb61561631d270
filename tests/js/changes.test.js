import assert from "node:assert/strict";
import { test } from "node:test";
import { changes, replacedBy } from "../../static/js/changes.js";

const daily = (times = ["08:00"], more = {}) => ({ times, every_days: 1, ...more });
const step = (title, schedule = daily(), more = {}) => ({
  title,
  detail: null,
  kind: "plan",
  as_needed: false,
  schedule,
  ...more,
});
const titles = (result) => ({
  added: result.added.map((s) => s.title),
  changed: result.changed.map(({ before, after }) => [before.title, after.title]),
  stopped: result.stopped.map((s) => s.title),
  same: result.same.map((s) => s.title),
});

test("a plan that repeats the older one changes nothing, whatever its full stops", () => {
  const before = [step("Take amoxicillin"), step("Walk 20 minutes")];
  const after = [step("walk 20 minutes"), step("Take amoxicillin.")];
  assert.deepEqual(titles(changes(before, after)), {
    added: [],
    changed: [],
    stopped: [],
    same: ["walk 20 minutes", "Take amoxicillin."],
  });
});

test("another dose of the same medicine is a change, not a stop and a start", () => {
  const result = changes(
    [step("Take amoxicillin 250 mg")],
    [step("Take amoxicillin 500 mg", daily(["08:00", "20:00"]))],
  );
  assert.deepEqual(titles(result).changed, [
    ["Take amoxicillin 250 mg", "Take amoxicillin 500 mg"],
  ]);
  assert.deepEqual(result.stopped, []);
});

test("two different medicines are never shown as one that changed", () => {
  const result = titles(changes([step("Take amoxicillin daily")], [step("Take ibuprofen daily")]));
  assert.deepEqual(result.stopped, ["Take amoxicillin daily"]);
  assert.deepEqual(result.added, ["Take ibuprofen daily"]);
  assert.deepEqual(result.changed, []);
});

test("the same words at other times are a change", () => {
  const result = changes([step("Take iron")], [step("Take iron", daily(["21:00"]))]);
  assert.equal(result.changed.length, 1);
  const weekly = changes(
    [step("Take iron")],
    [step("Take iron", daily(["08:00"], { weekdays: ["mon"] }))],
  );
  assert.equal(weekly.changed.length, 1);
});

test("a reminder time that the patient moved is not a change by the doctor", () => {
  const own = (time) => daily([time], { times_from: "reminder_time" });
  assert.equal(
    changes([step("Take iron", own("08:00"))], [step("Take iron", own("09:30"))]).same.length,
    1,
  );
});

test("accents and capitals do not make another step", () => {
  const result = changes(
    [step("Tome la Infusión de manzanilla")],
    [step("infusion de manzanilla", daily(["20:00"]))],
  );
  assert.equal(result.changed.length, 1);
});

test("two equal steps are paired one to one", () => {
  const result = changes([step("Take iron"), step("Take iron")], [step("Take iron")]);
  assert.equal(result.same.length, 1);
  assert.equal(result.stopped.length, 1);
});

test("of two candidates the more alike one is the step that changed", () => {
  const both = [step("Eye drops right"), step("Eye drops left")];
  for (const before of [both, both.toReversed()]) {
    const result = changes(before, [step("Eye drops left", daily(["21:00"]))]);
    assert.deepEqual(titles(result).changed, [["Eye drops left", "Eye drops left"]]);
    assert.deepEqual(titles(result).stopped, ["Eye drops right"]);
  }
});

test("a note replaced only the steps that its own plan took away", () => {
  const steps = [
    { id: "new", note_id: "n2", status: "active", created_at: "2026-05-20T10:00:00Z" },
    {
      id: "replaced",
      note_id: "n1",
      status: "cancelled",
      created_at: "2026-05-01T10:00:00Z",
      cancelled_at: "2026-05-20T10:00:01Z",
    },
    {
      id: "stopped-before",
      note_id: "n1",
      status: "cancelled",
      created_at: "2026-05-01T10:00:00Z",
      cancelled_at: "2026-05-10T10:00:00Z",
    },
    {
      id: "by-a-later-note",
      note_id: "n1",
      status: "cancelled",
      created_at: "2026-05-01T10:00:00Z",
      cancelled_at: "2026-05-25T10:00:00Z",
    },
    { id: "running", note_id: "n1", status: "active", created_at: "2026-05-01T10:00:00Z" },
  ];
  assert.deepEqual(
    replacedBy("n2", steps).map((s) => s.id),
    ["replaced"],
  );
  assert.deepEqual(replacedBy("n3", steps), []);
});
