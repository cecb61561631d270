// Snooze: the service puts an open slot off, so that every device is reminded then.
import { html, useState } from "../html.js";
import { call } from "../api.js";
import { time, slotTime } from "../clock.js";
import { knowSteps } from "../data.js";
import { showSuccess } from "../messages.js";
import { Choices, ConfirmDialog } from "../parts/controls.js";
import { inSentence } from "../today-plan.js";
import { t } from "../texts.js";

const MINUTES = [15, 60, 180];

export function SnoozeDialog({ step, slot, onClose }) {
  const [minutes, choose] = useState(MINUTES[0]);
  const next = (step.today || []).find((s) => s.state === "upcoming" && s.slot > slot)?.slot;
  const fits = (count) => !next || Date.now() + count * 60000 < Date.parse(next);
  const options = MINUTES.filter((count, i) => i === 0 || fits(count));
  const putOff = async () => {
    const { data } = await call("POST", `snooze/${step.id}/`, { body: { slot, minutes } });
    onClose();
    knowSteps([data]);
    showSuccess(t.laterAgain(time(data.snoozed_until)));
  };
  return html`
    <${ConfirmDialog}
      title=${t.laterTitle(inSentence(step.title), slotTime(slot))}
      button=${t.remindLater}
      icon="clock"
      confirm=${putOff}
      onClose=${onClose}
    >
      <${Choices}
        name="later"
        legend=${html`<span class="hidden">${t.laterWhen}</span>`}
        value=${minutes}
        onChange=${choose}
        options=${options.map((count) => [count, t.inMinutes(count)])}
      />
    <//>
  `;
}
