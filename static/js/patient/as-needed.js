// What is done as needed: a use is logged with its time; one more than the note allows is asked
// about first.
import { html, useState } from "../html.js";
import { checkIn, forgetTooSoon } from "../outbox.js";
import { Button, Dialog } from "../parts/controls.js";
import { when } from "../clock.js";
import { state } from "../store.js";
import { t } from "../texts.js";

/** When the next use is allowed, if that is still to come: a moment, else null. */
export const allowedAt = (step, now = Date.now()) =>
  step.next_allowed_at && Date.parse(step.next_allowed_at) > now ? step.next_allowed_at : null;

/** "Last: today 08:10 · next from 14:10 · at most 4 in 24 hours". */
export function usesWords(step) {
  const known = (state.checkIns[step.id] || [])
    .filter((c) => c.outcome === "done")
    .map((c) => c.at);
  const last = [step.last_done_at, ...known].filter(Boolean).sort().at(-1);
  const next = allowedAt(step);
  const most = step.limits?.max_per_day;
  return [
    last ? t.lastUse(when(last)) : t.notUsedYet,
    next ? t.nextUse(when(next)) : step.limits && last ? t.useAllowed : null,
    most && step.done_24h ? t.usesOf(step.done_24h, most) : most ? t.usesMost(most) : null,
  ]
    .filter(Boolean)
    .join(" · ");
}

/** The button that logs a use, and the question when it is too soon for one. */
export function UseButton({ step, large }) {
  const [asking, ask] = useState(false);
  const entry = state.outbox.find((e) => e.step_id === step.id);
  const refused = state.tooSoon?.step_id === step.id ? state.tooSoon : null;
  const press = () => (allowedAt(step) ? ask(true) : checkIn(step));
  const close = () => {
    ask(false);
    forgetTooSoon();
  };
  const record = () => {
    close();
    checkIn(step, { confirm: true, at: refused?.at });
  };
  const next = refused?.next || allowedAt(step);
  return html`
    <${Button}
      kind="quiet"
      size=${large && "large"}
      className=${large && "wide"}
      data-answer=${step.id}
      busy=${entry && !entry.waiting}
      onClick=${press}
    >
      ${t.logUse}
      <span class="hidden">: ${step.title}</span>
    <//>
    ${
      (asking || refused) &&
      html`<${Dialog} title=${t.tooSoonTitle} onClose=${close}>
        <p><strong>${step.title}</strong></p>
        <p>${next ? t.tooSoonUntil(when(next)) : t.tooSoonMore}</p>
        <p class="secondary">${t.tooSoonLead}</p>
        <div class="dialog-buttons">
          <${Button} kind="quiet" onClick=${close}>${t.goBack}<//>
          <${Button} kind="outline" onClick=${record}>${t.recordAnyway}<//>
        </div>
      <//>`
    }
  `;
}
