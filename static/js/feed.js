// The effect of each event of the live channel: it replaces the record that it is about.
import {
  clearEventSeqs,
  keep,
  knowSteps,
  lastEventSeq,
  loadAssignment,
  loadNote,
  loadNotes,
  loadPatient,
  loadPatients,
  loadStep,
  recordEventSeq,
} from "./data.js";
import { changes } from "./changes.js";
import { answeredHere, pendingAnswer } from "./recent-answers.js";
import { playReminder } from "./reminder-sound.js";
import { showError, showSuccess, showNews, removeMessage } from "./messages.js";
import { here } from "./router.js";
import { set, state, redraw } from "./store.js";
import { activeSteps, afterDone } from "./today-plan.js";
import { time } from "./clock.js";
import { t } from "./texts.js";

const ELSEWHERE_MS = 4000;
const timers = new Map();
/** Do it soon, once, however often it is asked for meanwhile. */
function soon(name, work, ms = 400) {
  if (timers.has(name)) return;
  timers.set(
    name,
    setTimeout(() => {
      timers.delete(name);
      Promise.resolve(work()).catch(() => {
        /* the next event asks again */
      });
    }, ms),
  );
}
export function stopSoon() {
  for (const timer of timers.values()) clearTimeout(timer);
  timers.clear();
  clearEventSeqs();
}

export const watchers = new Set(); // pages that show one patient or one note ask to be told

// Events about a person for whom this patient cares do not change their own day.
function isMine(data) {
  const whose = data.patient_id || data.step?.patient_id;
  return !whose || whose === state.user.id;
}

export function receive(event) {
  state.asOf = Date.now();
  if (state.user.role === "doctor") forDoctor(event);
  else if (state.user.role === "patient" && isMine(event.data)) forPatient(event);
  for (const watcher of watchers) watcher(event);
  redraw();
}

function forPatient({ event, data, at, seq }) {
  recordEventSeq(
    [
      data.step?.id,
      ...(data.created || []).map((s) => s.id),
      ...(data.cancelled || []),
      ...(data.completed || []),
    ].filter(Boolean),
    seq,
  );
  switch (event) {
    case "reminder.due": {
      knowSteps([data.step]);
      if (pendingAnswer(data.step.id, data.slot)) break;
      if (here().path !== "/today" && here().path !== "/") addToast(data);
      playReminder();
      break;
    }
    case "reminder.snoozed":
      knowSteps([data.step]);
      state.toasts = state.toasts.filter((toast) => toast.step_id !== data.step.id);
      break;
    case "step.checked_in":
      noteCheckIn({ ...data, at });
      knowSteps([data.step]);
      state.toasts = state.toasts.filter(
        (toast) => !(toast.step_id === data.step.id && data.outcome !== "undone"),
      );
      break;
    case "steps.changed":
      announcePlan(data);
      soon("details", async () => {
        await Promise.allSettled((data.created || []).map((s) => loadStep(s.id)));
        await loadNotes();
      });
      break;
    case "question.changed":
      announceAnswer(data.question);
      break;
    case "note.status":
      soon("notes", loadNotes);
      break;
    case "assignment.changed":
      soon("all", async () => {
        await loadAssignment();
        await loadNotes();
      });
      break;
  }
  keep();
}

// Which steps ended and which are left; the user's own acts are not announced.
function announcePlan({ created = [], cancelled = [], completed = [], by, why }) {
  const steps = (ids) => ids.map((id) => state.steps[id]).filter((s) => s?.status === "active");
  const [taken, over] = [steps(cancelled), steps(completed)];
  knowSteps(created);
  stopSteps(cancelled, "cancelled");
  stopSteps(completed, "completed");
  if (by === "patient") return;
  const doctor = state.assignment?.doctor?.name || t.yourDoctor;
  const names = (list) => list.map((s) => `${s.title}.`).join(" ");
  const link = { href: "#/today?see=changed", label: t.seeWhatChanged };
  const gone = created.length ? changes(taken, created).stopped : taken;
  const left = t.leftForYou(activeSteps().length);
  const stopped = why !== "note" && cancelled.length;
  if (stopped) {
    const whose = why === "withdrawn" ? [t.noteTakenBack(doctor)] : [];
    showNews(t.stepsStopped(cancelled.length), [...whose, names(gone), left].join(" "), link);
  }
  if (created.length) {
    const ends = gone.length && !stopped ? [t.noMore(names(gone)), left] : [];
    showNews(t.planChangedAt(time(new Date())), [t.planChanged(doctor), ...ends].join(" "), link);
  } else if (over.length) showNews(t.courseOver(over.length), `${names(over)} ${left}`);
}

const knowQuestion = (question) => {
  const others = (state.questions || []).filter((q) => q.id !== question.id);
  state.questions = [question, ...others];
};
function announceAnswer(question) {
  knowQuestion(question);
  if (["open", "closed"].includes(question.state)) return;
  const doctor = state.assignment?.doctor?.name || t.yourDoctor;
  const link = { href: `#/step/${question.step_id}`, label: t.lookAtIt };
  showNews(
    question.state === "answered" ? t.answeredNews(doctor) : t.seenNews(doctor),
    question.answer,
    link,
    question.id,
  );
}
function announceQuestion(question) {
  knowQuestion(question);
  removeMessage(question.id);
  if (question.state !== "open") return;
  const patient = (state.patients || []).find((p) => p.id === question.patient_id);
  showNews(
    t.asksNews(patient?.name || t.unknownPatient),
    null,
    { href: `#/patients/${question.patient_id}`, label: t.lookAtIt },
    question.id,
  );
}

function forDoctor({ event, data }) {
  if (event === "question.changed") announceQuestion(data.question);
  if (event === "note.status") {
    announceNote(data);
    if (state.noteById[data.note_id])
      soon(`note ${data.note_id}`, () => loadNote(data.note_id), 50);
    if (state.notes) soon("notes", loadNotes);
  }
  if (state.patients) soon("patients", refreshPatients, 1500);
}

// A note that needs its author is announced on every page but its own, while it needs them.
function announceNote({ note_id: id, status, failure, questions }) {
  removeMessage(id);
  if (here().path === `/notes/${id}`) return;
  const link = { href: `#/notes/${id}`, label: t.lookAtIt };
  if (status === "failed") showError(t.failedNews, t.failedWhy[failure] || null, link, id);
  else if (status === "proposed")
    showNews(t.waitsNews, questions ? t.questionsCount(questions) : null, link, id);
}

/** The group in which a patient's row stands. */
export const groupOf = (patient) => patient.group || patient.need;

// Rows do not move under the pointer: the newer list is shown on request.
export async function refreshPatients() {
  const before = state.patients;
  await loadPatients();
  const after = state.patients;
  for (const p of before || [])
    if (p.steps_open && after.find((now) => now.id === p.id)?.steps_open === 0)
      showNews(t.nothingRunsFor(p.name), t.nothingRunsLead, {
        href: `#/patients/${p.id}`,
        label: t.lookAtIt,
      });
  // A missed reminder has no event of its own: only this list shows it, so open pages of these
  // patients are refreshed.
  const was = Object.fromEntries((before || []).map((p) => [p.id, JSON.stringify(p)]));
  for (const p of after)
    if (was[p.id] && was[p.id] !== JSON.stringify(p))
      for (const watcher of watchers) watcher({ event: "reset", data: { patient: { id: p.id } } });
  const list = document.querySelector(".patients");
  const busy = list && (list.matches(":hover") || list.contains(document.activeElement));
  const order = (patients) => patients.map((p) => `${p.id}${groupOf(p)}`).join();
  if (busy && before && order(before) !== order(after)) {
    const byId = Object.fromEntries(after.map((p) => [p.id, p]));
    const places = Object.fromEntries(before.map((p, i) => [p.id, i]));
    const moved = after.filter((p, i) => places[p.id] !== i || groupOf(before[i]) !== p.need);
    // Each row says what is so now; it only stays in its place.
    set({
      patients: before.map((p) => ({ ...(byId[p.id] || p), group: groupOf(p) })),
      patientsPending: { list: after, count: Math.max(1, moved.length) },
    });
  }
  keep();
}
export function showPending() {
  if (state.patientsPending) set({ patients: state.patientsPending.list, patientsPending: null });
}

function addToast({ step, slot }) {
  state.toasts = [
    ...state.toasts.filter((toast) => toast.step_id !== step.id),
    { step_id: step.id, slot },
  ].slice(-20);
}

const SAME_USE_MS = 60000;
// A use of an as-needed step, or of a checklist step, has a time but no slot.
function noteUse({ step, outcome, at = new Date().toISOString(), by }) {
  const known = state.checkIns[step.id] || [];
  if (outcome === "undone") state.checkIns[step.id] = known.slice(0, -1);
  else if (!known.some((c) => Math.abs(Date.parse(c.at) - Date.parse(at)) < SAME_USE_MS))
    state.checkIns[step.id] = [...known, { slot: null, at, outcome, reason: null, by }].slice(-400);
}

function noteCheckIn({ step, slot, outcome, at, by }) {
  if (!step.schedule || step.as_needed) {
    noteUse({ step, outcome, at, by });
    return;
  }
  const others = (state.checkIns[step.id] || []).filter((c) => c.slot !== slot);
  if (outcome === "undone") {
    state.checkIns[step.id] = others;
    return;
  }
  const known = (state.checkIns[step.id] || []).find((c) => c.slot === slot);
  const before = state.steps[step.id];
  if (!known && before?.open_slot === slot && !answeredHere(step.id, slot))
    announceOtherDevice(step, slot, outcome);
  state.checkIns[step.id] = [
    ...others,
    known || { slot, at: at || new Date().toISOString(), outcome, reason: null, by },
  ].slice(-400);
}

function announceOtherDevice(step, slot, outcome) {
  const entry = { step_id: step.id, slot, title: step.title, outcome };
  state.elsewhere = [...state.elsewhere, entry].slice(-5);
  setTimeout(() => {
    state.elsewhere = state.elsewhere.filter((e) => e !== entry);
    redraw();
  }, ELSEWHERE_MS);
}

/**
 * The service has taken a check-in that was sent from here; `toldBefore` is the newest event about
 * its step by then.
 */
export function applyCheckIn(step, entry, toldBefore) {
  const slot = entry.slot || null;
  if (slot) {
    noteCheckIn({ step, slot, outcome: entry.outcome });
    const given = { reason: entry.reason, ...(!entry.withoutTime && { at: entry.at }) };
    state.checkIns[step.id] = (state.checkIns[step.id] || []).map((c) =>
      c.slot === slot ? { ...c, ...given } : c,
    );
  }
  // An event that came meanwhile holds the whole step, no older than this answer, or is followed by
  // one that does.
  if (lastEventSeq(step.id) === toldBefore) knowSteps([step]);
  if (!slot)
    loadStep(step.id).catch(() => {
      /* its time comes with the next load */
    });
  if (!entry.waiting) {
    const { title, text } =
      entry.outcome === "skipped" ? { title: t.skippedNow, text: null } : afterDone();
    showSuccess(title, { text, undo: { step_id: step.id, slot } });
  }
  keep();
}

function stopSteps(ids, status) {
  state.steps = { ...state.steps };
  for (const id of ids) {
    const step = state.steps[id];
    if (step && step.status === "active")
      state.steps[id] = {
        ...step,
        status,
        open_slot: null,
        today: (step.today || []).filter((s) => s.state !== "upcoming" && s.state !== "open"),
        [`${status}_at`]: new Date().toISOString(),
      };
  }
  state.toasts = state.toasts.filter((toast) => !ids.includes(toast.step_id));
}

/** Load everything again, as after `reset`. */
export async function reload() {
  clearEventSeqs();
  if (state.user.role === "doctor") {
    await loadPatients();
    if (state.notes) await loadNotes();
  } else if (state.user.role === "patient") await loadPatient();
  for (const watcher of watchers) watcher({ event: "reset", data: {} });
}
