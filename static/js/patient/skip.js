// Skip one, with a reason that the doctor will see.
import { html, useState } from "../html.js";
import { checkIn } from "../outbox.js";
import { Button, Choices, Dialog, Field } from "../parts/controls.js";
import { nextWhen, slotTime } from "../clock.js";
import { inSentence, nextSlot } from "../today-plan.js";
import { shortName } from "../names.js";
import { state } from "../store.js";
import { t } from "../texts.js";

/** `onLater`: where the reminder can be put off instead. */
export function SkipDialog({ step, slot, onLater, onClose }) {
  const [choice, choose] = useState(null);
  const [other, setOther] = useState("");
  const next =
    (step.today || []).find((s) => s.state === "upcoming" && s.slot > slot)?.slot ||
    (nextSlot()?.step.id === step.id ? nextSlot().slot : null);
  const reason = choice === "other" ? other.trim() : choice ? t.reasons[choice] : null;
  const skip = () => {
    onClose();
    checkIn(step, { slot, outcome: "skipped", reason: reason ? reason.slice(0, 200) : null });
  };
  return html`
    <${Dialog} title=${t.skipTitle(inSentence(step.title), slotTime(slot))} onClose=${onClose}>
      <p class="secondary">
        ${t.skipLead(shortName(state.assignment?.doctor?.name || t.yourDoctor))}
        ${next ? ` ${t.nextReminder(nextWhen(next))}` : ""}
      </p>
      <${Choices}
        name="reason"
        legend=${html`<span class="hidden">${t.reason}</span>`}
        value=${choice}
        onChange=${choose}
        options=${[
          ["unwell", t.reasons.unwell],
          ["none", t.reasons.none],
          ["other", t.reasonOther],
        ]}
      />
      ${
        choice === "other" &&
        html`
          <${Field}
            id="other-reason"
            label=${t.reason}
            value=${other}
            maxlength="200"
            onInput=${setOther}
          />
        `
      }
      <div class="dialog-buttons">
        <${Button} onClick=${skip}>${t.skipThisOne}<//>
        ${
          onLater &&
          html`<${Button}
            kind="outline"
            icon="clock"
            onClick=${() => {
              onClose();
              onLater();
            }}
          >
            ${t.laterDots}
          <//>`
        }
        <${Button} kind="quiet" onClick=${onClose}>${t.goBack}<//>
      </div>
    <//>
  `;
}
