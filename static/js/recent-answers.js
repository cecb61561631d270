// Which slots were answered from this page: requests in progress, and answers of a moment ago.
import { state } from "./store.js";

const slotKey = (stepId, slot) => `${stepId}@${slot || ""}`;
const recently = [];

/** The check-in of this step and slot that has not arrived yet. */
export const pendingAnswer = (stepId, slot) =>
  state.outbox.find((e) => e.step_id === stepId && (e.slot || null) === (slot || null));

export function rememberAnswered(stepId, slot) {
  recently.push(slotKey(stepId, slot));
  if (recently.length > 50) recently.shift();
}
/** Whether this page itself answered that slot. */
export const answeredHere = (stepId, slot) => recently.includes(slotKey(stepId, slot));
