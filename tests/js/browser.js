// A stand-in for what the dashboard's modules touch of a browser: storage, the line, and the document's language.
import { mock } from "node:test";

class Storage {
  #items = new Map();
  getItem(key) {
    return this.#items.get(key) ?? null;
  }
  setItem(key, value) {
    this.#items.set(key, String(value));
  }
  removeItem(key) {
    this.#items.delete(key);
  }
}

class Locks {
  #last = new Map();
  request(name, work) {
    const done = (this.#last.get(name) ?? Promise.resolve()).then(work);
    this.#last.set(
      name,
      done.catch(() => {}),
    );
    return done;
  }
}

const define = (name, value) =>
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });

export const line = { up: true, locks: new Locks() };

define("window", new EventTarget());
define("localStorage", new Storage());
define("sessionStorage", new Storage());
define("location", { hash: "#/today", protocol: "http:", host: "localhost" });
define("navigator", {
  languages: ["en-GB"],
  get onLine() {
    return line.up;
  },
  get locks() {
    return line.locks;
  },
});
define("document", {
  documentElement: { lang: "en", dataset: {} },
  addEventListener() {},
  querySelector: () => null,
});

/** The service: `answers` maps a path to a function of the request; all requests are recorded. */
export function serve(answers) {
  const requests = [];
  globalThis.fetch = async (url, options) => {
    const path = url.replace("/api/", "");
    const request = {
      path,
      method: options.method,
      key: options.headers["Idempotency-Key"],
      body: options.body === undefined ? undefined : JSON.parse(options.body),
    };
    requests.push(request);
    const answer = path === "token/refresh/" ? { access: "a" } : await answers(request);
    if (answer instanceof Response) return answer;
    return Response.json(answer);
  };
  return requests;
}

export const problem = (status, slug, more = {}) =>
  Response.json({ type: `/problems/${slug}`, title: slug, ...more }, { status });

/** From here on it is this moment (an ISO time), until the test is over. */
export function at(test, moment) {
  mock.timers.enable({ apis: ["Date", "setTimeout"], now: Date.parse(moment) });
  test.after(() => mock.timers.reset());
}

/** All promises that can settle without a timer have settled. */
export const settled = async () => {
  for (let i = 0; i < 50; i += 1) await new Promise((resolve) => setImmediate(resolve));
};
