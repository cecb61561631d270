// The state of the page, in one object. Changes go through `set`; the page is drawn once
// for any number of changes.
import { useLayoutEffect, useState } from "./html.js";

const fresh = () => ({
  phase: "starting", // starting | out | in
  user: null,
  connection: "connecting", // connecting | live | reconnecting | offline | paused
  asOf: null, // when the data were last known to be true, ms
  steps: {}, // id -> step
  stepsLoaded: false,
  checkIns: {}, // step id -> [{slot, at, outcome, reason}]
  assignment: undefined, // undefined: not known yet; null: none
  notes: null, // the list, newest first
  noteById: {},
  reviews: {}, // note id -> what its author has decided and not sent
  questions: null, // what patients ask: one's own, or those to this doctor
  listAt: 0, // when the list below was read, ms
  patients: null, // a doctor's list
  patientsPending: null, // a newer list that waits until the reader's hand is elsewhere
  outbox: [], // check-ins on their way
  toasts: [], // reminders that came while another page was open
  banners: [], // {id, kind, title, text, link}
  tooSoon: null, // a use that the service refused: {step_id, at, next}
  elsewhere: [], // slots just answered on another device
});

export const state = fresh();
const listeners = new Set();
let scheduled = false;

export function set(patch) {
  Object.assign(state, patch);
  redraw();
}

/** Something inside the state changed: draw soon, once. */
export function redraw() {
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    for (const listener of [...listeners]) listener();
  });
}

/** Forget everything, as at sign-out. */
export function clear(phase) {
  Object.assign(state, fresh(), { phase });
  // At once: nothing that needs a signed-in user may be drawn again.
  for (const listener of [...listeners]) listener();
}

export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Draw the calling component again after each change. */
export function useStore() {
  const [, draw] = useState(0);
  useLayoutEffect(() => {
    const drawAgain = () => draw((n) => n + 1);
    drawAgain(); // something may have changed before we listened
    return subscribe(drawAgain);
  }, []);
  return state;
}
