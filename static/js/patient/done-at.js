// Correct the time of an answer of the last 24 hours.
import { html, useState } from "../html.js";
import { call } from "../api.js";
import { clockOf, dateOf, momentAt, addDays } from "../clock.js";
import { checkIn } from "../outbox.js";
import { knowSteps } from "../data.js";
import { serverNow } from "../http.js";
import { Button, Dialog, Field, ProblemLine, useAct } from "../parts/controls.js";
import { inSentence } from "../today-plan.js";
import { state } from "../store.js";
import { t } from "../texts.js";

/** The last moment up to now at which clocks showed that time. */
export function lastAt(hhmm, now = serverNow()) {
  const today = dateOf(new Date(now));
  const at = momentAt(today, hhmm);
  return at <= now ? at : momentAt(addDays(today, -1), hhmm);
}

export function DoneAtDialog({ step, answer, onClose }) {
  const [hhmm, setTime] = useState(clockOf(answer.at));
  const { busy, problem, act } = useAct();
  const save = (event) => {
    event.preventDefault();
    if (!hhmm) return;
    act(async () => {
      const slot = answer.slot || null;
      const query = slot ? `?slot=${encodeURIComponent(slot)}` : "";
      const { data } = await call("DELETE", `check-in/${step.id}/${query}`);
      const known = state.checkIns[step.id] || [];
      state.checkIns[step.id] = known.filter((c) => c !== answer);
      knowSteps([data]);
      onClose();
      // Kept on this device until it has arrived, as every answer.
      checkIn(data, {
        slot,
        outcome: answer.outcome,
        reason: answer.reason,
        at: new Date(lastAt(hhmm)).toISOString(),
        confirm: Boolean(answer.over_limit),
      });
    });
  };
  return html`
    <${Dialog} title=${t.doneAtTitle(inSentence(step.title))} onClose=${onClose}>
      <form onSubmit=${save}>
        <${Field}
          id="done-at"
          label=${t.doneAtTime}
          hint=${t.doneAtHint}
          type="time"
          required
          value=${hhmm}
          onInput=${setTime}
        />
        <${ProblemLine} problem=${problem} />
        <div class="dialog-buttons">
          <${Button} type="submit" busy=${busy} busyText=${t.saving}>${t.save}<//>
          <${Button} kind="quiet" onClick=${onClose}>${t.goBack}<//>
        </div>
      </form>
    <//>
  `;
}
