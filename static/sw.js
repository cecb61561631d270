// The page without a network: keeps the files of the page (never an answer of the API), and shows
// reminders that were pushed. The whole set is renewed together, so that a page is never made of
// old and new files.
const PREFIX = "aftercare-";
const RENEW_AFTER_MS = 10 * 60000;
const SHELL = [
  "/",
  "/static/css/base.css",
  "/static/css/doctor.css",
  "/static/css/pages.css",
  "/static/css/parts.css",
  "/static/css/tokens.css",
  "/static/icons/sun.svg",
  "/static/js/account/checks.js",
  "/static/js/account/factors.js",
  "/static/js/account/forgot.js",
  "/static/js/account/form.js",
  "/static/js/account/frame.js",
  "/static/js/account/must-add.js",
  "/static/js/account/passkeys.js",
  "/static/js/account/proof.js",
  "/static/js/account/reset.js",
  "/static/js/account/second-step.js",
  "/static/js/account/settings.js",
  "/static/js/account/sign-in.js",
  "/static/js/account/sign-up.js",
  "/static/js/account/verify.js",
  "/static/js/account/zones.js",
  "/static/js/admin/accounts.js",
  "/static/js/admin/audit.js",
  "/static/js/admin/overview.js",
  "/static/js/answer-grid.js",
  "/static/js/api.js",
  "/static/js/app.js",
  "/static/js/changes.js",
  "/static/js/clock.js",
  "/static/js/course.js",
  "/static/js/data.js",
  "/static/js/device.js",
  "/static/js/doctor/account.js",
  "/static/js/doctor/answers.js",
  "/static/js/doctor/contact.js",
  "/static/js/doctor/differences.js",
  "/static/js/doctor/history.js",
  "/static/js/doctor/legend.js",
  "/static/js/doctor/need.js",
  "/static/js/doctor/note.js",
  "/static/js/doctor/notes.js",
  "/static/js/doctor/panel.js",
  "/static/js/doctor/patient-clock.js",
  "/static/js/doctor/patients.js",
  "/static/js/doctor/pictures.js",
  "/static/js/doctor/questions.js",
  "/static/js/doctor/review-draft.js",
  "/static/js/doctor/review-rows.js",
  "/static/js/doctor/shortcuts.js",
  "/static/js/doctor/step-form.js",
  "/static/js/doctor/step-questions.js",
  "/static/js/doctor/style.js",
  "/static/js/doctor/waiting.js",
  "/static/js/doctor/words.js",
  "/static/js/doctor/write.js",
  "/static/js/feed.js",
  "/static/js/html.js",
  "/static/js/http.js",
  "/static/js/live.js",
  "/static/js/main.js",
  "/static/js/messages.js",
  "/static/js/names.js",
  "/static/js/outbox.js",
  "/static/js/parts/beads.js",
  "/static/js/parts/chrome.js",
  "/static/js/parts/controls.js",
  "/static/js/parts/day-sign.js",
  "/static/js/parts/icon.js",
  "/static/js/parts/marked-note.js",
  "/static/js/parts/spark.js",
  "/static/js/patient/as-needed.js",
  "/static/js/patient/ask.js",
  "/static/js/patient/by-mail.js",
  "/static/js/patient/calendar.js",
  "/static/js/patient/choose-doctor.js",
  "/static/js/patient/day-times.js",
  "/static/js/patient/done-at.js",
  "/static/js/patient/me.js",
  "/static/js/patient/notes.js",
  "/static/js/patient/print.js",
  "/static/js/patient/push.js",
  "/static/js/patient/repeats.js",
  "/static/js/patient/rows.js",
  "/static/js/patient/skip.js",
  "/static/js/patient/snooze.js",
  "/static/js/patient/step.js",
  "/static/js/patient/today.js",
  "/static/js/patient/travel.js",
  "/static/js/people/account.js",
  "/static/js/people/carers.js",
  "/static/js/people/caring-link.js",
  "/static/js/people/caring.js",
  "/static/js/people/cover.js",
  "/static/js/people/invitation.js",
  "/static/js/people/words.js",
  "/static/js/recent-answers.js",
  "/static/js/reminder-sound.js",
  "/static/js/router.js",
  "/static/js/schedule-words.js",
  "/static/js/session.js",
  "/static/js/start.js",
  "/static/js/store.js",
  "/static/js/stray-taps.js",
  "/static/js/texts.js",
  "/static/js/theme-early.js",
  "/static/js/today-plan.js",
  "/static/js/undo.js",
  "/static/texts/doctor/en.js",
  "/static/texts/doctor/es.js",
  "/static/texts/en.js",
  "/static/texts/es.js",
  "/static/texts/people/en.js",
  "/static/texts/people/es.js",
  "/static/vendor/hooks.js",
  "/static/vendor/htm.js",
  "/static/vendor/preact.js",
];

async function fill(name) {
  const cache = await caches.open(name);
  const answers = await Promise.all(
    SHELL.map(async (path) => {
      const answer = await fetch(path, { cache: "no-cache", credentials: "same-origin" });
      if (!answer.ok) throw new Error(path);
      return [path, answer];
    }),
  );
  await Promise.all(answers.map(([path, answer]) => cache.put(path, answer)));
  return name;
}

const newest = async () =>
  (await caches.keys())
    .filter((key) => key.startsWith(PREFIX))
    .sort()
    .at(-1);

let renewing = null;
function renew() {
  renewing =
    renewing ||
    (async () => {
      const current = await newest();
      if (current && Date.now() - Number(current.slice(PREFIX.length)) < RENEW_AFTER_MS) return;
      const next = `${PREFIX}${Date.now()}`;
      try {
        await fill(next);
      } catch {
        await caches.delete(next);
        return;
      }
      for (const key of await caches.keys())
        if (key.startsWith(PREFIX) && key !== next) await caches.delete(key);
    })().finally(() => {
      renewing = null;
    });
  return renewing;
}

self.addEventListener("install", (event) =>
  event.waitUntil(fill(`${PREFIX}${Date.now()}`).then(() => self.skipWaiting())),
);
self.addEventListener("activate", (event) =>
  event.waitUntil(
    (async () => {
      const current = await newest();
      for (const key of await caches.keys())
        if (key.startsWith(PREFIX) && key !== current) await caches.delete(key);
      await self.clients.claim();
    })(),
  ),
);

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  const path = event.request.mode === "navigate" && url.pathname === "/" ? "/" : url.pathname;
  if (!SHELL.includes(path)) return;
  event.respondWith(
    (async () => {
      const name = await newest();
      const kept = name && (await (await caches.open(name)).match(path));
      if (event.request.mode === "navigate") event.waitUntil(renew());
      return kept || fetch(event.request);
    })(),
  );
});

const WORDS = {
  en: {
    one: "You have a reminder",
    more: (count) => `You have ${count} reminders`,
    done: "Done",
    later: "Later",
  },
  es: {
    one: "Tiene un aviso",
    more: (count) => `Tiene ${count} avisos`,
    done: "Hecho",
    later: "Más tarde",
  },
};
// A pushed reminder says no more than that there is one. Where it is one alone, it can be answered.
self.addEventListener("push", (event) => {
  let note = {};
  try {
    note = event.data.json();
  } catch {
    /* the words below will do */
  }
  const words = WORDS[(self.navigator.language || "").startsWith("es") ? "es" : "en"];
  const single = !(note.count > 1);
  const token = single ? note.token : null;
  event.waitUntil(
    Promise.all([
      self.registration.showNotification(note.title || "Aftercare", {
        body: note.body || (single ? words.one : words.more(note.count)),
        icon: "/static/icons/sun-192.png",
        tag: (single && note.tag) || "reminder",
        ...(token && {
          data: { token },
          actions: [
            { action: "done", title: words.done },
            { action: "later", title: words.later },
          ],
        }),
      }),
      sendAnswers(),
    ]),
  );
});

// Answers from notifications: kept on this device until they are sent, each with its time.
const ANSWERS = "answers";
const ANSWER_LIFE_MS = 24 * 3600000; // so long its token is valid

function answersStore(mode, work) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("aftercare-answers", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(ANSWERS, { keyPath: "token" });
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const writing = database.transaction(ANSWERS, mode);
      const request = work(writing.objectStore(ANSWERS));
      writing.oncomplete = () => {
        database.close();
        resolve(request.result);
      };
      writing.onabort = () => {
        database.close();
        reject(writing.error);
      };
    };
  });
}

const postAnswer = (body) =>
  fetch("/api/answer/", {
    method: "POST",
    credentials: "omit",
    cache: "no-store",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

/** Whether it has arrived, or never will. A time that the service refuses is left out. */
async function sendAnswer({ token, outcome, at }) {
  if (Date.now() - Date.parse(at) > ANSWER_LIFE_MS) return true;
  try {
    let answer = await postAnswer({ token, outcome, at });
    if (answer.status === 422) answer = await postAnswer({ token, outcome });
    return answer.status < 500 && answer.status !== 429;
  } catch {
    return false; // no network
  }
}

let sending = null;
function sendAnswers() {
  sending =
    sending ||
    (async () => {
      for (const entry of await answersStore("readonly", (store) => store.getAll())) {
        if (!(await sendAnswer(entry))) {
          await self.registration.sync?.register(ANSWERS);
          return;
        }
        await answersStore("readwrite", (store) => store.delete(entry.token));
      }
    })()
      .catch(() => {
        /* the next occasion tries again */
      })
      .finally(() => {
        sending = null;
      });
  return sending;
}

async function answerFrom(notification, outcome) {
  const entry = { token: notification.data.token, outcome, at: new Date().toISOString() };
  await answersStore("readwrite", (store) => store.put(entry));
  await sending; // what is on its way has not seen this one
  await sendAnswers();
}

self.addEventListener("sync", (event) => {
  if (event.tag === ANSWERS) event.waitUntil(sendAnswers());
});
self.addEventListener("message", (event) => {
  if (event.data === "send-answers") event.waitUntil(sendAnswers());
});

// The push service gave this device another address: tell ours. Without a network, the page does
// when it opens.
self.addEventListener("pushsubscriptionchange", (event) =>
  event.waitUntil(
    (async () => {
      const options = event.oldSubscription?.options;
      const fresh =
        event.newSubscription ||
        (options && (await self.registration.pushManager.subscribe(options)));
      if (!fresh) return;
      const send = (method, path, body, access) =>
        fetch(`/api/${path}`, {
          method,
          credentials: "same-origin",
          cache: "no-store",
          body: JSON.stringify(body),
          headers: {
            "Content-Type": "application/json",
            ...(access && { Authorization: `Bearer ${access}` }),
          },
        });
      const renewed = await navigator.locks.request("aftercare-renew", () =>
        send("POST", "token/refresh/", {}),
      );
      if (!renewed.ok) return;
      const { access } = await renewed.json();
      const { endpoint, keys } = fresh.toJSON();
      await send("POST", "me/push/", { endpoint, keys }, access);
      if (event.oldSubscription && event.oldSubscription.endpoint !== endpoint)
        await send("DELETE", "me/push/", { endpoint: event.oldSubscription.endpoint }, access);
    })().catch(() => {
      /* the page does when it opens */
    }),
  ),
);

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const outcome = { done: "done", later: "snooze" }[event.action];
  if (outcome && event.notification.data?.token) {
    event.waitUntil(answerFrom(event.notification, outcome));
    return;
  }
  event.waitUntil(
    (async () => {
      const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
      const page = pages.find((client) => new URL(client.url).pathname === "/");
      if (page) {
        await page.focus();
        return page.navigate ? page.navigate("/#/today").catch(() => null) : null;
      }
      return self.clients.openWindow("/#/today");
    })(),
  );
});
