// The words of a doctor's own pages, in each language.
import assert from "node:assert/strict";
import test from "node:test";
import en from "../../static/texts/doctor/en.js";
import es from "../../static/texts/doctor/es.js";

const shape = (words) =>
  Object.entries(words)
    .map(([name, value]) => [
      name,
      Array.isArray(value)
        ? value.length
        : typeof value === "object"
          ? Object.keys(value).sort().join()
          : typeof value,
    ])
    .sort();

test("each language has the same words of a doctor's pages, of the same kinds", () => {
  assert.deepEqual(shape(es), shape(en));
});

test("no word of a doctor's pages is left in English", () => {
  const same = Object.keys(en).filter(
    (name) => typeof en[name] === "string" && en[name] === es[name],
  );
  assert.deepEqual(same, []);
});
