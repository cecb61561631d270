// The queue of notes that wait for their author: to approve, or not read.
import { state } from "../store.js";

const NEEDS = ["proposed", "failed"];

/** Notes that wait, the oldest first. */
export const waitingNotes = () =>
  (state.notes || [])
    .filter((n) => NEEDS.includes(n.status))
    .sort((a, b) => a.created_at.localeCompare(b.created_at));

/** The note to look at after this one: {id, name, count of those that wait beside it}, or null. */
export function nextWaiting(id) {
  const others = waitingNotes().filter((n) => n.id !== id);
  if (!others.length) return null;
  const here = (state.notes || []).find((n) => n.id === id)?.created_at || "";
  const next = others.find((n) => n.created_at > here) || others[0];
  return { id: next.id, name: next.patient?.name || "", count: others.length };
}

/** How many notes and questions wait, by the list of patients: for the menu. */
export const waitingCount = () =>
  (state.patients || []).reduce(
    (sum, patient) => sum + (patient.notes_waiting || 0) + (patient.asks || 0),
    0,
  );
