import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const STATIC = new URL("../../static/", import.meta.url);
const EXPORT = /^export (?:async )?(?:function\*?|const|let|class) (\w+)/gm;
const EXPORT_LIST = /^export \{([^}]*)\}/gm;
const LATER = /import\("([^"]+)"\)\s*\.then\(\s*(?:async )?(?:\(?(\w+)\)?|\(\{([^}]*)\}\)) =>/g;

/** The names in a list as it stands between braces, each as the other module calls it. */
const listed = (text) =>
  text
    .split(",")
    .map((name) => name.trim().split(/ as |:/)[0])
    .filter(Boolean);

function exportsOf(url) {
  const text = readFileSync(url, "utf8");
  const lists = [...text.matchAll(EXPORT_LIST)].flatMap(([, names]) =>
    names.split(",").map((name) => name.trim().split(" as ").at(-1)),
  );
  if (/^export default/m.test(text)) lists.push("default");
  return new Set([...[...text.matchAll(EXPORT)].map(([, name]) => name), ...lists]);
}

/** What a module takes from others only when it is needed, which nothing but its use would check. */
function takenLater(url) {
  const text = readFileSync(url, "utf8");
  return [...text.matchAll(LATER)].flatMap(([, path, whole, some]) => {
    const uses = whole ? text.matchAll(new RegExp(`(?<![\\w./])${whole}\\.(\\w+)`, "g")) : [];
    const names = whole ? [...uses].map(([, name]) => name) : listed(some);
    return names.map((name) => ({ name, from: new URL(path, url) }));
  });
}

test("what is imported when it is needed exists under that name", () => {
  const modules = readdirSync(new URL("js/", STATIC), { recursive: true })
    .filter((name) => name.endsWith(".js"))
    .map((name) => new URL(`js/${name}`, STATIC));
  const taken = modules.flatMap((url) => takenLater(url).map((one) => ({ ...one, by: url })));
  assert.ok(taken.length > 1);
  const missing = taken
    .filter(({ name, from }) => !existsSync(from) || !exportsOf(from).has(name))
    .map(({ name, from, by }) => `${by.pathname}: ${name} of ${from.pathname}`);
  assert.deepEqual(missing, []);
});
