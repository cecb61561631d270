// Start of a signed-in page: load, open the channel, send unsent check-ins; and the end of it.
import { call } from "./api.js";
import { keep, loadPatient, loadPatients, patchMe, showLastState, stopKeeping } from "./data.js";
import { receive, refreshPatients, reload, stopSoon } from "./feed.js";
import { openLive } from "./live.js";
import { closeOutbox, flush, resumeOutbox } from "./outbox.js";
import { mayResume, whenSessionEnds } from "./session.js";
import { set, state, redraw } from "./store.js";
import { askedFor, useLanguage } from "./texts.js";
import { today } from "./clock.js";
import { myZone } from "./account/zones.js";

const LOOK_AGAIN_MS = 55000;
const SLOW_MS = 1500;
let channel = null;
let clock = null;
let day = null;
let loading = null;

/** The page was opened: restore the session. */
export async function begin() {
  if (!mayResume()) {
    set({ phase: "out" });
    return;
  }
  // Neither answer nor error yet: show the last state meanwhile, as when offline.
  const slow = setTimeout(() => {
    if (state.phase === "starting" && showLastState()) {
      resumeOutbox(state.user.id);
      startClock();
      set({ connection: "reconnecting" });
    }
  }, SLOW_MS);
  try {
    const { data } = await call("GET", "me/");
    clearTimeout(slow);
    await enter(data);
  } catch (problem) {
    clearTimeout(slow);
    if (problem.status === 401) return; // the session has ended; the store says so
    if (!showLastState()) {
      set({ phase: "out", noAnswer: true });
      return;
    }
    resumeOutbox(state.user.id);
    startClock();
    openChannel(null);
    window.addEventListener("online", () => loadSoon(), { once: true });
    loadSoon();
  }
}

/** A user signed in. */
export async function enter(user) {
  const asked = askedFor();
  await useLanguage(asked || user.language);
  set({ phase: "in", user, mustAdd: false });
  if (asked && asked !== user.language)
    patchMe({ language: asked }).catch(() => {
      /* asked for again at the next sign-in */
    });
  const moved = await followZone();
  if (user.status === "pending") return;
  resumeOutbox(user.id);
  navigator.serviceWorker?.controller?.postMessage("send-answers");
  startClock();
  let feed = null;
  try {
    feed = await load();
  } catch (problem) {
    if (problem.status === 401) return;
    if (problem.slug === "second-factor-required") {
      set({ mustAdd: true });
      return;
    }
    loadSoon();
  }
  if (state.user?.id === user.id) openChannel(feed);
  if (moved) announceMoved();
  if (user.role === "patient" && window.Notification?.permission === "granted") {
    import("./patient/push.js")
      .then(({ keepPush }) => keepPush())
      .catch(() => {
        /* the next start tries again */
      });
  }
}

/** The zone of this device where the account follows it. Whether a patient's reminders moved. */
async function followZone() {
  const { user } = state;
  if (user?.timezone_mode !== "follow" || myZone() === user.timezone) return false;
  try {
    await patchMe({ timezone: myZone() });
  } catch {
    return false; // told again at the next occasion; the last zone holds till then
  }
  return user.role === "patient";
}
function announceMoved() {
  import("./patient/travel.js").then(
    (travel) => travel.announceMoved(),
    () => {
      /* the times on the page say it */
    },
  );
}
// A page that stayed open while its device travelled.
document.addEventListener("visibilitychange", async () => {
  if (document.visibilityState !== "visible" || state.phase !== "in") return;
  if (!(await followZone())) return;
  await reload().catch(() => loadSoon());
  announceMoved();
});

// Carers and administrators have pages that read by themselves.
const LOADS = { doctor: loadPatients, patient: loadPatient };
const loadRole = () => (LOADS[state.user.role] || (async () => null))();
const load = () =>
  loadRole().then((feed) => {
    keep();
    return feed;
  });

// The first load failed: try until it works, the channel meanwhile tells of what is new.
function loadSoon(wait = 1500) {
  clearTimeout(loading);
  loading = setTimeout(async () => {
    if (!state.user) return;
    try {
      const { data } = await call("GET", "me/");
      set({ user: data });
      openChannel(await load()); // from where this load stands: nothing in between is missed
    } catch (problem) {
      if (problem.status !== 401) loadSoon(Math.min(20000, wait * 2));
    }
  }, wait);
}

function openChannel(feed) {
  channel?.close();
  channel = openLive(feed, {
    event: receive,
    reset: () => reload().catch(() => loadSoon()),
    state: (connection) => {
      const was = state.connection;
      if (was === "live") state.asOf = Date.now(); // until now what is shown was true
      if (connection === "live") {
        state.asOf = Date.now();
        if (was !== "live") flush();
      }
      set({ connection });
      if (connection === "offline") for (const entry of state.outbox) entry.waiting = true;
      redraw();
    },
  });
}

/** Connect again by hand. */
export const again = () => channel?.again();

// Periodically: upcoming slots may have come due, and a new day redraws the page.
function startClock() {
  clearInterval(clock);
  day = today();
  clock = setInterval(() => {
    if (day !== today()) {
      day = today();
      load().catch(() => loadSoon());
    }
    refreshIfStale();
    redraw();
  }, 20000);
}

// A missed slot has no event: a doctor's list is read again periodically while the page is visible.
function refreshIfStale() {
  if (
    state.patients &&
    !state.patientsPending &&
    state.connection === "live" &&
    document.visibilityState === "visible" &&
    Date.now() - state.listAt > LOOK_AGAIN_MS
  ) {
    refreshPatients().catch(() => {
      /* the next look */
    });
  }
}

whenSessionEnds(() => {
  channel?.close();
  channel = null;
  clearInterval(clock);
  clearTimeout(loading);
  closeOutbox();
  stopSoon();
  stopKeeping();
});
