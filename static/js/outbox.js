// Check-ins that are not sent yet. Each is stored on this device first, has its own key, and is
// counted once.
import { call } from "./api.js";
import { clockIsWrong, serverNow } from "./http.js";
import { addToOutbox, dropFromOutbox, keptOutbox, OUTBOX_KEY, replaceInOutbox } from "./device.js";
import { set, state, redraw } from "./store.js";
import { pendingAnswer, rememberAnswered } from "./recent-answers.js";
import { lastEventSeq } from "./data.js";
import { applyCheckIn } from "./feed.js";
import { showError, showSuccess, showNews } from "./messages.js";
import { t } from "./texts.js";

const TRY_AGAIN_MS = 5000;
// A second press on what is done as needed is a second use only after so long
const SECOND_USE_MS = 5000;
let flushing = null;
let timer = null;
let waited = 0; // how many of the present batch had to wait for a connection

/** Take what an earlier page left unsent. */
export function resumeOutbox(userId) {
  set({
    outbox: keptOutbox()
      .filter((e) => e.user_id === userId)
      .map((e) => ({ ...e, waiting: true })),
  });
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
  set({
    outbox: kept.map((e) => ({
      ...e,
      ...state.outbox.find((mine) => mine.key === e.key && mine.sending),
    })),
  });
}

/** Answer a slot: "done", or "skipped" with a reason. Sent now, or when the connection is back. */
export function checkIn(
  step,
  { slot = null, outcome = "done", reason = null, at = null, confirm = false } = {},
) {
  const before = pendingAnswer(step.id, slot);
  if (
    before &&
    !(step.as_needed && before.waiting && Date.now() - Date.parse(before.at) > SECOND_USE_MS)
  )
    return;
  const offline = state.connection === "offline" || !navigator.onLine;
  const entry = {
    key: crypto.randomUUID
      ? crypto.randomUUID()
      : `${Date.now()}-${Math.random().toString(36).slice(2)}`,
    user_id: state.user.id,
    step_id: step.id,
    title: step.title,
    slot,
    outcome,
    reason,
    // A use that was logged offline is recorded even when it is over the limits.
    at: at || new Date(serverNow()).toISOString(),
    // By the clock of this device, before the service could say whether it is right
    byDevice: !at && !clockIsWrong(),
    confirm: confirm || (offline && Boolean(step.as_needed)),
    waiting: offline,
    sending: false,
  };
  rememberAnswered(step.id, slot);
  state.outbox = [...state.outbox, entry];
  addToOutbox(entry);
  state.toasts = state.toasts.filter(
    (toast) => !(toast.step_id === step.id && toast.slot === slot),
  );
  redraw();
  flush();
}

export const forgetTooSoon = () => {
  if (state.tooSoon) set({ tooSoon: null });
};

/** Take back a check-in that has not left yet. False when it is too late for that. */
export function cancelUnsent(entry) {
  if (entry.sending) return false;
  remove(entry);
  return true;
}

/** Send what waits, in order, one at a time; safe to call at any moment. */
export function flush() {
  clearTimeout(timer);
  if (!state.outbox.length || !state.user) return Promise.resolve();
  if (!navigator.onLine) {
    markWaiting();
    return Promise.resolve();
  }
  const inTurn = navigator.locks
    ? (work) => navigator.locks.request("aftercare-outbox", work)
    : (work) => work();
  flushing =
    flushing ||
    inTurn(sendAll).finally(() => {
      flushing = null;
      if (state.outbox.length) timer = setTimeout(flush, TRY_AGAIN_MS);
      else if (waited) {
        showSuccess(t.backOnline(waited));
        waited = 0;
      }
    });
  return flushing;
}

function markWaiting() {
  for (const entry of state.outbox) {
    entry.waiting = true;
    entry.sending = false;
  }
  redraw();
}

let saidWrong = false;
// On a device with a wrong clock the recorded time is corrected before it is first sent.
function correctTime(entry) {
  if (clockIsWrong() && !saidWrong) {
    showNews(t.clockWrong, t.clockWrongText);
    saidWrong = true;
  }
  if (!entry.byDevice) return;
  if (clockIsWrong())
    entry.at = new Date(Date.parse(entry.at) + serverNow() - Date.now()).toISOString();
  entry.byDevice = false;
  replaceInOutbox(entry);
}

async function sendAll() {
  const sentElsewhere = () => new Set(keptOutbox().map((e) => e.key));
  let kept = sentElsewhere();
  state.outbox = state.outbox.filter((e) => kept.has(e.key));
  while (state.outbox.length) {
    const entry = state.outbox[0];
    correctTime(entry);
    rememberAnswered(entry.step_id, entry.slot); // it may be of an earlier page of this device
    entry.sending = true;
    redraw();
    const body = {};
    if (entry.slot) body.slot = entry.slot;
    if (entry.outcome !== "done") body.outcome = entry.outcome;
    if (entry.reason) body.reason = entry.reason;
    // The same body each time: the service tells one key with two bodies apart.
    if (entry.at && !entry.withoutTime) body.at = entry.at;
    if (entry.confirm) body.confirm = true;
    const toldBefore = lastEventSeq(entry.step_id);
    try {
      const { data } = await call("POST", `check-in/${entry.step_id}/`, {
        body,
        key: entry.key,
        timeoutMs: 10000,
      });
      if (entry.waiting) waited += 1;
      remove(entry);
      applyCheckIn(data, entry, toldBefore);
    } catch (problem) {
      if (
        problem.network ||
        problem.status >= 500 ||
        problem.status === 429 ||
        problem.status === 401
      ) {
        markWaiting();
        return;
      }
      // On a device with a wrong clock: use the time of the service.
      if (body.at && (problem.errors || []).some((e) => e.pointer === "#/at")) {
        entry.withoutTime = true;
        entry.sending = false;
        continue;
      }
      remove(entry);
      if (problem.slug === "too-soon") {
        set({
          tooSoon: {
            step_id: entry.step_id,
            at: entry.withoutTime ? null : entry.at,
            next: problem.nextAllowedAt,
          },
        });
        continue;
      }
      showError(t.notThrough, t.checkInProblem(problem.slug) || problem.message);
    }
    kept = sentElsewhere();
    state.outbox = state.outbox.filter((e) => kept.has(e.key));
  }
}

function remove(entry) {
  state.outbox = state.outbox.filter((e) => e.key !== entry.key);
  dropFromOutbox(entry.key);
  redraw();
}
