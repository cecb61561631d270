// Check-ins on their way. Each is kept on this device before it is sent, carries its own key, and is counted once.
import { call } from "./api.js";
import { addToOutbox, dropFromOutbox, keptOutbox, OUTBOX_KEY } from "./device.js";
import { set, state, touched } from "./store.js";
import { onItsWay, rememberAnswered } from "./answered.js";
import { lastTold } from "./data.js";
import { tookCheckIn } from "./feed.js";
import { sayError, sayGood } from "./messages.js";
import { t } from "./texts.js";

const TRY_AGAIN_MS = 5000;
let flushing = null;
let timer = null;
let waited = 0;      // how many of the present batch had to wait for a connection

/** Take what an earlier page left unsent. */
export function resumeOutbox(userId) {
  set({ outbox: keptOutbox().filter((e) => e.user_id === userId).map((e) => ({ ...e, waiting: true })) });
  window.addEventListener("storage", readOther);
  flush();
}
export function closeOutbox() {
  window.removeEventListener("storage", readOther);
  clearTimeout(timer);
}
// Another page of this browser sent or added something.
function readOther(event) {
  if (event.key !== OUTBOX_KEY || !state.user) return;
  const kept = keptOutbox().filter((e) => e.user_id === state.user.id);
  set({ outbox: kept.map((e) => ({ ...e, ...state.outbox.find((mine) => mine.key === e.key && mine.sending) })) });
}

/** Answer a slot: "done", or "skipped" with a reason. Sent now, or when the connection is back. */
export function checkIn(step, { slot = null, outcome = "done", reason = null } = {}) {
  if (onItsWay(step.id, slot)) return;
  const entry = {
    key: crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random().toString(36).slice(2)}`,
    user_id: state.user.id, step_id: step.id, title: step.title, slot, outcome, reason,
    at: new Date().toISOString(), waiting: state.connection === "offline" || !navigator.onLine, sending: false,
  };
  rememberAnswered(step.id, slot);
  state.outbox = [...state.outbox, entry];
  addToOutbox(entry);
  state.toasts = state.toasts.filter((toast) => !(toast.step_id === step.id && toast.slot === slot));
  touched();
  flush();
}

/** Take back a check-in that has not left yet. False when it is too late for that. */
export function takeBack(entry) {
  if (entry.sending) return false;
  remove(entry);
  return true;
}

/** Send what waits, in order, one at a time; safe to call at any moment. */
export function flush() {
  clearTimeout(timer);
  if (!state.outbox.length || !state.user) return Promise.resolve();
  if (!navigator.onLine) { markWaiting(); return Promise.resolve(); }
  const inTurn = navigator.locks ? (work) => navigator.locks.request("aftercare-outbox", work) : (work) => work();
  flushing = flushing || inTurn(sendAll).finally(() => {
    flushing = null;
    if (state.outbox.length) timer = setTimeout(flush, TRY_AGAIN_MS);
    else if (waited) { sayGood(t.backOnline(waited)); waited = 0; }
  });
  return flushing;
}

function markWaiting() {
  for (const entry of state.outbox) { entry.waiting = true; entry.sending = false; }
  touched();
}

async function sendAll() {
  const sentElsewhere = () => new Set(keptOutbox().map((e) => e.key));
  let kept = sentElsewhere();
  state.outbox = state.outbox.filter((e) => kept.has(e.key));
  while (state.outbox.length) {
    const entry = state.outbox[0];
    entry.sending = true;
    touched();
    const body = {};
    if (entry.slot) body.slot = entry.slot;
    if (entry.outcome !== "done") body.outcome = entry.outcome;
    if (entry.reason) body.reason = entry.reason;
    const toldBefore = lastTold(entry.step_id);
    try {
      const { data } = await call("POST", `check-in/${entry.step_id}/`, { body, key: entry.key, timeoutMs: 10000 });
      if (entry.waiting) waited += 1;
      remove(entry);
      tookCheckIn(data, entry, toldBefore);
    } catch (problem) {
      if (problem.network || problem.status >= 500 || problem.status === 429 || problem.status === 401) { markWaiting(); return; }
      remove(entry);
      sayError(t.notThrough, t.checkInProblem(problem.slug) || problem.message);
    }
    kept = sentElsewhere();
    state.outbox = state.outbox.filter((e) => kept.has(e.key));
  }
}

function remove(entry) {
  state.outbox = state.outbox.filter((e) => e.key !== entry.key);
  dropFromOutbox(entry.key);
  touched();
}
