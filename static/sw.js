// The page without a network: keeps the files of the page (never an answer of the API), and shows reminders that were pushed.
// The whole set is renewed together, so that a page is never made of old and new files.
const PREFIX = "aftercare-";
const RENEW_AFTER_MS = 10 * 60000;
const SHELL = [/*SHELL*/];

async function fill(name) {
  const cache = await caches.open(name);
  const answers = await Promise.all(SHELL.map(async (path) => {
    const answer = await fetch(path, { cache: "no-cache", credentials: "same-origin" });
    if (!answer.ok) throw new Error(path);
    return [path, answer];
  }));
  await Promise.all(answers.map(([path, answer]) => cache.put(path, answer)));
  return name;
}

const newest = async () => (await caches.keys()).filter((key) => key.startsWith(PREFIX)).sort().at(-1);

let renewing = null;
function renew() {
  renewing = renewing || (async () => {
    const current = await newest();
    if (current && Date.now() - Number(current.slice(PREFIX.length)) < RENEW_AFTER_MS) return;
    const next = `${PREFIX}${Date.now()}`;
    try { await fill(next); } catch { await caches.delete(next); return; }
    for (const key of await caches.keys()) if (key.startsWith(PREFIX) && key !== next) await caches.delete(key);
  })().finally(() => { renewing = null; });
  return renewing;
}

self.addEventListener("install", (event) => event.waitUntil(fill(`${PREFIX}${Date.now()}`).then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil((async () => {
  const current = await newest();
  for (const key of await caches.keys()) if (key.startsWith(PREFIX) && key !== current) await caches.delete(key);
  await self.clients.claim();
})()));

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  const path = event.request.mode === "navigate" && url.pathname === "/" ? "/" : url.pathname;
  if (!SHELL.includes(path)) return;
  event.respondWith((async () => {
    const name = await newest();
    const kept = name && await (await caches.open(name)).match(path);
    if (event.request.mode === "navigate") event.waitUntil(renew());
    return kept || fetch(event.request);
  })());
});

// A pushed reminder says no more than that there is one.
self.addEventListener("push", (event) => {
  let note = {};
  try { note = event.data.json(); } catch { /* the words below will do */ }
  const spanish = (self.navigator.language || "").startsWith("es");
  event.waitUntil(self.registration.showNotification(note.title || "Aftercare", {
    body: note.body || (spanish ? "Tiene un aviso" : "You have a reminder"), icon: "/static/icons/sun-192.png", tag: note.tag || "reminder",
  }));
});
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil((async () => {
    const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const page = pages.find((client) => new URL(client.url).pathname === "/");
    if (page) { await page.focus(); return page.navigate ? page.navigate("/#/today").catch(() => null) : null; }
    return self.clients.openWindow("/#/today");
  })());
});
