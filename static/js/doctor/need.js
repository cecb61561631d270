// The reason for a patient's place in the list, in words.
import { html } from "../html.js";
import { draftFor } from "../device.js";
import { Icon } from "../parts/icon.js";
import { t } from "../texts.js";
import { when } from "../clock.js";
import { Called } from "./contact.js";
import { words as own } from "./words.js";

const share = (days) => {
  const due = days.reduce((sum, day) => sum + day.due, 0);
  return due ? days.reduce((sum, day) => sum + day.done, 0) / due : null;
};

/** The reason as the service gives it, a code, told with the numbers that lie beside it. */
export function reasonWords({
  reason,
  need,
  steps_open: steps,
  last_check_in_at: last,
  adherence,
  days = [],
}) {
  const [lately, before] = [share(days.slice(-14)), share(days.slice(-28, -14))];
  const facts = {
    since: last ? when(last) : null,
    kept: adherence == null ? null : t.percent(adherence),
    points: lately == null || before == null ? null : Math.round(100 * (before - lately)),
    now: lately == null ? null : t.percent(lately),
    skipped: days.reduce((sum, day) => sum + day.skipped, 0),
  };
  if (t.needReasons[reason]) return t.needReasons[reason](facts);
  if (need === "silent") return last ? t.noAnswerSince(when(last)) : t.neverCheckedIn;
  return steps ? t.stepsOpen(steps) : t.noPlanYet;
}

export function needLine(patient) {
  const tag =
    patient.need === "silent"
      ? html`<span class="tag tag-stopped">
        <${Icon} name="bell" size=${14} />
        ${t.silentSlots(Math.max(2, patient.missed_in_a_row))}
      </span>`
      : patient.need === "slipping"
        ? html`<span class="tag tag-wait">
          ${patient.reason === "skipped-3" ? t.skippedTag : t.slippingTag}
        </span>`
        : null;
  const waits =
    patient.notes_waiting > 0 &&
    html`<span class="tag tag-wait">
      ${
        patient.questions_open
          ? t.questionsCount(patient.questions_open)
          : t.noteStatusDoctor.proposed
      }
    </span>`;
  const asks =
    patient.asks > 0 &&
    html`<span class="tag tag-wait">
      <${Icon} name="note" size=${14} />
      ${t.asksTag(patient.asks)}
    </span>`;
  const nothing =
    !patient.steps_open &&
    patient.adherence != null &&
    html`<span class="tag tag-plain">${t.nothingRuns}</span>`;
  const draft = draftFor(patient.id) && html`<span class="tag tag-plain">${own().draftTag}</span>`;
  const { skip_reason: said } = patient;
  return html`
    ${asks} ${tag} ${waits} ${draft} ${nothing} <span>${reasonWords(patient)}</span>
    ${
      said &&
      html`<span class="row-said secondary">
        ${own().skippedWith(said.title)} <q>${said.text}</q> ${when(said.at)}
      </span>`
    }
    <${Called} patient=${patient} />
  `;
}

export const sparkWords = ({ adherence, missed_in_a_row: missed }) =>
  adherence == null ? t.nothingDue30 : t.sparkWords(t.percent(adherence), missed);
