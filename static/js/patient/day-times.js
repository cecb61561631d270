// The times of the parts of the patient's day: asked once, changed under Me.
import { html, useState } from "../html.js";
import { patchMe } from "../data.js";
import { clockOf } from "../clock.js";
import { choice, choose } from "../device.js";
import { reload } from "../feed.js";
import { Button, Field, ProblemLine, useAct } from "../parts/controls.js";
import { showSuccess } from "../messages.js";
import { state } from "../store.js";
import { t } from "../texts.js";

const PARTS = ["morning", "noon", "evening", "bedtime"];
const ASK_DAYS = 14;

export const dayTimes = () => ({
  morning: state.user.reminder_time || "09:00",
  ...state.user.day_times,
});

const minutes = (hhmm) => Number(hhmm.slice(0, 2)) * 60 + Number(hhmm.slice(3, 5));
/** The part of the patient's day in which a moment lies: that whose time is nearest. */
export const dayPartOf = (moment) => dayPartOfTime(clockOf(moment));
export function dayPartOfTime(hhmm) {
  const at = minutes(hhmm);
  const times = dayTimes();
  const far = (part) => Math.abs(minutes(times[part]) - at);
  return PARTS.reduce((best, part) => (far(part) < far(best) ? part : best));
}

/** The four times, as fields of a form. */
export function DayTimesForm({ id, onSaved, children }) {
  const [times, setTimes] = useState(dayTimes);
  const { busy, problem, act } = useAct();
  const save = (event) => {
    event.preventDefault();
    if (!PARTS.every((part) => times[part])) return;
    const { morning, ...rest } = times;
    act(async () => {
      await patchMe({ reminder_time: morning, day_times: rest });
      showSuccess(t.saved);
      onSaved?.();
      await reload(); // the reminders to come have moved
    });
  };
  return html`<form onSubmit=${save}>
    <div class="day-times">
      ${PARTS.map(
        (part) => html`
          <${Field}
            key=${part}
            id=${part === "morning" ? id : `${id}-${part}`}
            label=${t.dayParts[part]}
            type="time"
            value=${times[part]}
            required
            onInput=${(value) => setTimes((was) => ({ ...was, [part]: value }))}
          />
        `,
      )}
    </div>
    <${ProblemLine} problem=${problem} />
    <div class="form-buttons">
      <${Button} type="submit" kind="outline" busy=${busy} busyText=${t.saving}>${t.save}<//>
      ${children}
    </div>
  </form>`;
}

const asked = () => `day-asked.${state.user.id}`;
const isNew = () => Date.now() - Date.parse(state.user.created_at) < ASK_DAYS * 86400000;

/** The question, once for a new account on this device. */
export function DayQuestion() {
  const [gone, go] = useState(() => !isNew() || choice(asked()) === true);
  if (gone) return null;
  const done = () => {
    choose(asked(), true);
    go(true);
  };
  return html`<section class="card day-question" aria-label=${t.dayQuestion}>
    <h2>${t.dayQuestion}</h2>
    <p class="secondary">${t.dayQuestionLead}</p>
    <${DayTimesForm} id="day-question" onSaved=${done}>
      <${Button} kind="quiet" onClick=${done}>${t.keepThese}<//>
    <//>
  </section>`;
}
