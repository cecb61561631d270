// Reading from the service into the store, for both roles. Each load may be repeated at any time.
import { call, get, getAll } from "./api.js";
import { keepLastState, lastState } from "./device.js";
import { set, state, redraw } from "./store.js";

/**
 * Run and answer null where a part is not served (yet) or is not mine; other problems pass through.
 */
export async function ifServed(work) {
  try {
    return await work();
  } catch (problem) {
    if (problem.absent) return null;
    throw problem;
  }
}

// The newest event about each step: an answer that was read before it is outdated.
const told = new Map();
export const recordEventSeq = (ids, seq) => {
  if (seq) for (const id of ids) told.set(id, seq);
};
export const lastEventSeq = (id) => told.get(id) || 0;
export const clearEventSeqs = () => told.clear();

/** `feed` is the position of the feed before these were read; without it they are current. */
export function knowSteps(steps, feed = null) {
  state.steps = { ...state.steps };
  for (const step of steps) {
    if (feed && lastEventSeq(step.id) > feed.seq && state.steps[step.id]) continue;
    const { check_ins: checkIns, ...rest } = step;
    state.steps[step.id] = rest;
    if (checkIns) state.checkIns[step.id] = checkIns;
  }
  redraw();
}

/**
 * A patient's own page: steps first, then everything that may come a moment later. Answers the feed
 * position.
 */
export async function loadPatient() {
  const active = await getAll("steps/?status=active");
  state.steps = Object.fromEntries(
    Object.entries(state.steps).filter(([id]) => active.feed && lastEventSeq(id) > active.feed.seq),
  );
  knowSteps(active.items, active.feed);
  set({ stepsLoaded: true, asOf: Date.now() });
  const rest = [
    loadAssignment(),
    loadNotes(),
    loadEarlierSteps(),
    ...active.items.filter((s) => s.kind === "plan" || s.as_needed).map((s) => loadStep(s.id)),
  ];
  Promise.allSettled(rest).then(keep);
  return active.feed;
}

export async function loadAssignment() {
  set({ assignment: await ifServed(async () => (await get("assign/")).data) });
}
export const MOST_NOTES = 200;
/** The latest notes; of a doctor also all that wait, however old. */
export async function loadNotes() {
  const lists = [getAll("notes/", MOST_NOTES)];
  if (state.user?.role === "doctor") lists.unshift(getAll("notes/?status=waiting"));
  const found = (await Promise.all(lists)).flatMap(({ items }) => items);
  const notes = [...new Map(found.map((n) => [n.id, n])).values()];
  set({ notes: notes.sort((a, b) => b.created_at.localeCompare(a.created_at)) });
}
async function loadEarlierSteps() {
  const { items, feed } = await getAll("steps/?status=all", 400);
  knowSteps(items, feed);
  // A step completed today is shown with its time.
  const recent = items.filter(
    (s) =>
      s.status === "completed" &&
      s.completed_at &&
      Date.now() - Date.parse(s.completed_at) < 2 * 86400000,
  );
  await Promise.allSettled(recent.map((s) => loadStep(s.id)));
}
export async function loadStep(id) {
  const { data, feed } = await get(`steps/${id}/`);
  knowSteps([data], feed);
  return data;
}
export async function loadNote(id) {
  const { data } = await get(`notes/${id}/`);
  state.noteById = { ...state.noteById, [id]: data };
  if (state.notes)
    state.notes = state.notes.map((n) => (n.id === id ? { ...n, status: data.status } : n));
  redraw();
  return data;
}

/** What patients ask: a patient's own, those to a doctor. */
export async function loadQuestions(which = "open") {
  const { items } = await getAll(`questions/?state=${which}`, 400);
  set({ questions: items });
}

const FIRST_ROWS = 50;
let listReading = null;
/** A doctor's list, by need. Answers the feed position. */
export function loadPatients() {
  const reading = readPatients().finally(() => {
    if (listReading === reading) listReading = null;
  });
  listReading = reading;
  return reading;
}
/** For a page that has no list to show yet: the one that is being read already, or a new one. */
export const firstPatients = () => listReading || loadPatients();

// A list that is not shown yet begins with its first rows; the others follow.
async function readPatients() {
  const { data, feed } = await get(`my-patients/?sort=need&limit=${FIRST_ROWS}`);
  const { items } = data;
  if (data.next && !state.patients) set({ patients: [...items], patientsToCome: true });
  for (let { next } = data; next;) {
    const more = await get(`my-patients/?sort=need&limit=200&cursor=${encodeURIComponent(next)}`);
    items.push(...more.data.items);
    next = more.data.next;
  }
  set({
    patients: items,
    patientsToCome: false,
    patientsPending: null,
    asOf: Date.now(),
    listAt: Date.now(),
  });
  if (items.some((p) => p.asks) || state.questions?.length)
    loadQuestions().catch(() => {
      /* the row says how many there are */
    });
  return feed;
}

/** All steps of one patient that their doctor may see, with the check-ins of the active ones. */
export async function loadPlan(patientId, status = "active") {
  const { items } = await getAll(`steps/?patient_id=${patientId}&status=${status}`, 400);
  return items;
}
export async function loadDetails(steps) {
  const details = await Promise.allSettled(steps.map((s) => get(`steps/${s.id}/`)));
  return steps.map((s, i) => (details[i].status === "fulfilled" ? details[i].value.data : s));
}

export async function patchMe(change) {
  const { data } = await call("PATCH", "me/", { body: change });
  set({ user: data });
  return data;
}

// The last state, for reading while offline.
let timer = null;
export function keep() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (!state.user) return;
    const steps = Object.values(state.steps)
      .filter((s) => s.status === "active" || s.completed_at || s.cancelled_at)
      .slice(0, 200);
    keepLastState({
      user: state.user,
      asOf: state.asOf,
      steps,
      assignment: state.assignment ?? null,
      notes: state.notes,
      checkIns: Object.fromEntries(
        steps.map((s) => [s.id, (state.checkIns[s.id] || []).slice(-60)]),
      ),
      patients: state.patients,
    });
  }, 1000);
}
export function showLastState() {
  const last = lastState();
  if (!last?.user) return false;
  set({
    phase: "in",
    user: last.user,
    asOf: last.asOf,
    stepsLoaded: true,
    assignment: last.assignment,
    notes: last.notes,
    steps: Object.fromEntries(last.steps.map((s) => [s.id, s])),
    checkIns: last.checkIns || {},
    patients: last.patients,
    connection: navigator.onLine ? "reconnecting" : "offline",
  });
  return true;
}
export const stopKeeping = () => clearTimeout(timer);
