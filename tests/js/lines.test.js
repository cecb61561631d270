import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const STATIC = new URL("../../static/", import.meta.url);

test("no line of the dashboard's code is wider than 100 columns", () => {
  const files = readdirSync(new URL("js/", STATIC), { recursive: true })
    .filter((name) => name.endsWith(".js"))
    .map((name) => `js/${name}`);
  assert.ok(files.length > 50);
  const wide = [...files, "sw.js"].flatMap((name) =>
    readFileSync(new URL(name, STATIC), "utf8")
      .split("\n")
      .flatMap((line, i) => (line.length > 100 ? [`${name}:${i + 1}`] : [])),
  );
  assert.deepEqual(wide, []);
});
