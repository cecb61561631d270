// The words of the pages of carers, cover and administration, in each language.
import assert from "node:assert/strict";
import test from "node:test";
import en from "../../static/texts/people/en.js";
import es from "../../static/texts/people/es.js";

const shape = (words) =>
  Object.entries(words)
    .map(([name, value]) => [
      name,
      typeof value === "object" ? Object.keys(value).sort().join() : typeof value,
    ])
    .sort();

test("each language has the same words, of the same kinds", () => {
  assert.deepEqual(shape(es), shape(en));
});

test("no word is left in English", () => {
  const same = Object.keys(en).filter(
    (name) => typeof en[name] === "string" && en[name] === es[name],
  );
  assert.deepEqual(same, []);
});
