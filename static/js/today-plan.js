// Today, sorted: what is due now, what comes later, what can be done once, what is done. Computed,
// never stored.
import { dateOf, nextWhen, today as todayDate } from "./clock.js";
import { pendingAnswer } from "./recent-answers.js";
import { state } from "./store.js";
import { t } from "./texts.js";

// An upcoming slot this far past is due, even without an event (offline)
const OVERDUE_MS = 20000;

/** "Take amoxicillin" inside a sentence: "take amoxicillin". */
export const inSentence = (title) =>
  /^\p{Lu}\p{Ll}/u.test(title) ? title[0].toLowerCase() + title.slice(1) : title;

export const activeSteps = () => Object.values(state.steps).filter((s) => s.status === "active");

/** The slot of a step that is due now, or null. */
export function dueSlot(step, now = Date.now()) {
  if (step.status !== "active" || step.kind !== "plan" || step.as_needed) return null;
  const passed = (step.today || [])
    .filter((s) => s.state === "upcoming" && now - Date.parse(s.slot) > OVERDUE_MS)
    .map((s) => s.slot);
  if (passed.length) return passed[passed.length - 1];
  return snoozedUntil(step, now) ? null : step.open_slot || null;
}

/** Until when the open slot of a step is put off, or null. */
export const snoozedUntil = (step, now = Date.now()) =>
  step.open_slot && step.snoozed_until && Date.parse(step.snoozed_until) > now
    ? step.snoozed_until
    : null;

export function todayPlan(now = Date.now()) {
  const date = todayDate();
  const plan = { due: [], later: [], once: [], asNeeded: [], earlier: [], waiting: [], missed: 0 };
  const bySlot = (a, b) => a.slot.localeCompare(b.slot) || a.step.title.localeCompare(b.step.title);
  for (const step of Object.values(state.steps)) {
    const active = step.status === "active";
    if (step.kind === "checklist" || step.as_needed) {
      if (active && step.as_needed) plan.asNeeded.push({ step });
      else if (active && !pendingAnswer(step.id, null)?.waiting)
        plan.once.push({ step, sending: Boolean(pendingAnswer(step.id, null)) });
      else if (
        step.status === "completed" &&
        step.completed_at &&
        dateOf(step.completed_at) === date
      )
        plan.earlier.push({
          step,
          slot: step.completed_at,
          state: "done",
          at: step.completed_at,
          once: true,
        });
      continue;
    }
    const slot = dueSlot(step, now);
    const entry = slot && pendingAnswer(step.id, slot);
    // What is on its way stays in its place until it has arrived, or is known to have to wait.
    if (slot && !entry?.waiting) plan.due.push({ step, slot, sending: Boolean(entry) });
    if (!active && step.status !== "completed") continue;
    const until = active && !slot ? snoozedUntil(step, now) : null;
    if (until && !pendingAnswer(step.id, step.open_slot))
      plan.later.push({ step, slot: step.open_slot, until });
    for (const s of step.today || []) {
      if (s.slot === slot || pendingAnswer(step.id, s.slot)) continue;
      if (until && s.slot === step.open_slot) continue;
      if (dateOf(s.slot) !== date && !ranToday(step, s)) continue;
      const answer = (state.checkIns[step.id] || []).find((c) => c.slot === s.slot);
      if (s.state === "upcoming" && Date.parse(s.slot) > now - OVERDUE_MS) {
        if (active) plan.later.push({ step, slot: s.slot });
      } else if (s.state === "done" || s.state === "skipped")
        plan.earlier.push({ step, slot: s.slot, state: s.state, at: answer?.at });
      else {
        plan.earlier.push({ step, slot: s.slot, state: "missed" });
        plan.missed += 1;
      }
    }
  }
  plan.waiting = state.outbox
    .filter((e) => e.waiting)
    .map((entry) => ({ entry, step: state.steps[entry.step_id] }));
  for (const name of ["due", "later", "earlier"]) plan[name].sort(bySlot);
  plan.later.sort((a, b) => (a.until || a.slot).localeCompare(b.until || b.slot));
  const lastOf = {};
  for (const row of plan.later) lastOf[row.step.id] = row;
  for (const row of plan.later)
    row.last = lastOf[row.step.id] === row && (row.step.schedule?.times.length || 0) > 1;
  plan.once.sort((a, b) => a.step.created_at.localeCompare(b.step.created_at));
  return plan;
}

// A slot of a shortened day may lie beyond midnight and still be of "today".
const ranToday = (step, slot) =>
  isShortDay(step) && Math.abs(Date.parse(slot.slot) - Date.now()) < 86400000;

/** Whether the service runs this step on a shortened day: its slots are not at its clock times. */
export function isShortDay(step) {
  if (!step.schedule || !step.today?.length) return false;
  const gap =
    step.today.length > 1 ? Date.parse(step.today[1].slot) - Date.parse(step.today[0].slot) : 0;
  if (gap && gap < 30 * 60000) return true;
  return step.today.every((s) => !s.slot.endsWith(":00Z") && !s.slot.endsWith(":00.000Z"));
}

/** The next slot of all steps after now: {step, slot} or null. */
export function nextSlot(now = Date.now()) {
  let next = null;
  for (const step of activeSteps()) {
    const slots = (step.today || [])
      .filter((s) => s.state === "upcoming" && Date.parse(s.slot) > now)
      .map((s) => s.slot);
    const slot =
      slots[0] ||
      (step.next_reminder_at && Date.parse(step.next_reminder_at) > now
        ? step.next_reminder_at
        : null);
    if (slot && (!next || slot < next.slot)) next = { step, slot };
  }
  return next;
}

/** What is said after an answer: "Done. Next at 20:00:" and which step that is. */
export function afterDone() {
  const next = nextSlot();
  return next
    ? { title: t.doneNext(nextWhen(next.slot)), text: next.step.title }
    : { title: t.doneNow, text: null };
}
