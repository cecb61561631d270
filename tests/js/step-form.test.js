// Times as a doctor writes them.
import assert from "node:assert/strict";
import test from "node:test";
import "./browser.js";

const { parseTimes } = await import("../../static/js/doctor/step-form.js");

test("8am is a time, and so are the other ways to write it", () => {
  assert.deepEqual(parseTimes("8am"), ["08:00"]);
  assert.deepEqual(parseTimes("8 am, 1 pm"), ["08:00", "13:00"]);
  assert.deepEqual(parseTimes("8:30 p.m. 12 am; 12pm"), ["00:00", "12:00", "20:30"]);
  assert.deepEqual(parseTimes("8:00, 20.15 9h05"), ["08:00", "09:05", "20:15"]);
});

test("what is no time of day is refused", () => {
  for (const text of ["8", "25:00", "13pm", "0am", "noon", "8:7", ""])
    assert.equal(parseTimes(text), null, text);
});
