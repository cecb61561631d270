// Taking a check-in back: from the outbox when it has not left, else from the service.
import { call } from "./api.js";
import { pendingAnswer } from "./recent-answers.js";
import { knowSteps } from "./data.js";
import { showError, showSuccess } from "./messages.js";
import { cancelUnsent } from "./outbox.js";
import { state, redraw } from "./store.js";
import { t } from "./texts.js";

export async function undo(stepId, slot) {
  const entry = pendingAnswer(stepId, slot);
  if (entry && cancelUnsent(entry)) return;
  try {
    const { data } = await call(
      "DELETE",
      `check-in/${stepId}/${slot ? `?slot=${encodeURIComponent(slot)}` : ""}`,
    );
    const answers = state.checkIns[stepId] || [];
    state.checkIns[stepId] = slot ? answers.filter((c) => c.slot !== slot) : answers.slice(0, -1);
    knowSteps([data]);
    showSuccess(t.undone);
  } catch (problem) {
    showError(
      t.notThrough,
      problem.network ? t.undoOffline : t.problems[problem.slug] || problem.message,
    );
  }
  redraw();
}
