// Rows and cards that a patient's pages share: what is due, steps of today, progress.
import { html, cx, useState } from "../html.js";
import { checkIn } from "../outbox.js";
import { undo } from "../undo.js";
import { state } from "../store.js";
import { t } from "../texts.js";
import { dateOf, longDay, time, today, weekday, when, slotTime } from "../clock.js";
import { courseOf } from "../course.js";
import { list } from "../schedule-words.js";
import { Beads, dayOf } from "../parts/beads.js";
import { DaySign } from "../parts/day-sign.js";
import { Icon, Spinner } from "../parts/icon.js";
import { shortName } from "../names.js";
import { UseButton, usesWords } from "./as-needed.js";
import { SnoozeDialog } from "./snooze.js";
import { SkipDialog } from "./skip.js";

const DECORATION = { "aria-hidden": "true", focusable: "false" };
const LATE_MS = 90 * 60000;
const fullDoctorName = (step) =>
  (step && state.assignment?.doctor?.id === step.doctor_id
    ? state.assignment.doctor.name
    : (state.notes || []).find((n) => n.id === step?.note_id)?.doctor?.name) || t.yourDoctor;

/** The doctor of a step, as one says it. */
export const doctorName = (step) => shortName(fullDoctorName(step));

const dueWords = (slot) =>
  dateOf(slot) === today() ? t.dueNowAt(slotTime(slot)) : t.dueSince(when(slot));

const DueSun = () =>
  html`<svg class="due-sun" viewBox="0 0 160 160" width="160" height="160" ...${DECORATION}>
    <circle cx="98" cy="22" r="97" />
  </svg>`;

/** The one dark card: what is due now, one or several. */
export function DueCard({ due }) {
  const [skipping, skip] = useState(null);
  const [later, putOff] = useState(null);
  const card =
    due.length === 1
      ? html`<${DueOne}
          ...${due[0]}
          onSkip=${() => skip(due[0])}
          onLater=${() => putOff(due[0])}
        />`
      : html`<${DueSeveral} due=${due} onSkip=${skip} />`;
  return html`<section class="due" aria-label=${t.dueNow}>
    ${card}
    ${
      skipping &&
      html`
        <${SkipDialog}
          step=${skipping.step}
          slot=${skipping.slot}
          onLater=${() => putOff(skipping)}
          onClose=${() => skip(null)}
        />
      `
    }
    ${
      later &&
      html`<${SnoozeDialog} step=${later.step} slot=${later.slot} onClose=${() => putOff(null)} />`
    }
  </section>`;
}

function DueOne({ step, slot, sending, onSkip, onLater }) {
  const course = courseOf(step, state.checkIns[step.id]);
  const late = Date.now() - Date.parse(slot) > LATE_MS;
  return html`<div class="due-card" key=${slot}>
    <${DueSun} />
    <p class="due-pill">
      <span class="bell"><${Icon} name="bell" size=${22} /></span>
      ${dueWords(slot)}
    </p>
    <h2 class="due-title">${step.title}</h2>
    ${step.detail && html`<p class="due-detail">${step.detail}</p>`}
    ${
      late &&
      html`<p class="due-late">
        ${dateOf(slot) === today() ? t.lateAt(slotTime(slot)) : t.lateWhen(when(slot))}
      </p>`
    }
    ${
      course &&
      html`<p class="due-course">
        <${Beads} course=${course} />
        <span class="due-day">${dayOf(course)}</span>
      </p>`
    }
    <div class="due-buttons">
      <button
        type="button"
        class="button button-sun button-large"
        data-answer=${`${step.id}@${slot}`}
        aria-disabled=${sending ? "true" : null}
        onClick=${() => checkIn(step, { slot })}
      >
        ${
          sending
            ? html`<${Spinner} size=${26} /><span>${t.sending}</span>`
            : html`<${Icon} name="tick" size=${28} /><span>${t.done}</span>`
        }
      </button>
      <button type="button" class="button button-night" disabled=${sending} onClick=${onLater}>
        <${Icon} name="clock" size=${22} /><span>${t.laterDots}</span>
      </button>
      <button type="button" class="button button-night" disabled=${sending} onClick=${onSkip}>
        ${t.skipThis}
      </button>
    </div>
    <a class="due-why" href=${`#/step/${step.id}`}>${t.whySee(doctorName(step))}</a>
  </div>`;
}

function DueSeveral({ due, onSkip }) {
  return html`<div class="due-card due-several">
    <${DueSun} />
    <p class="due-pill">
      <span class="bell"><${Icon} name="bell" size=${22} /></span>
      ${t.severalDue(due.length)}
    </p>
    <ul class="due-rows">
      ${due.map(
        ({ step, slot, sending }) => html`<li key=${step.id}>
          <button
            type="button"
            class="due-row"
            aria-label=${t.openToSkip(step.title)}
            onClick=${() => onSkip({ step, slot })}
          >
            <strong>${step.title}</strong>
            <span>
              ${dateOf(slot) === today() ? slotTime(slot) : when(slot)}
              ${step.detail ? ` · ${step.detail}` : ""}
            </span>
            <span class="due-skip">${t.skipDots}</span>
          </button>
          <button
            type="button"
            class="button button-sun"
            data-answer=${`${step.id}@${slot}`}
            aria-disabled=${sending ? "true" : null}
            onClick=${() => checkIn(step, { slot })}
          >
            ${sending ? html`<${Spinner} />` : html`<${Icon} name="tick" size=${24} />`}
            <span>${sending ? t.sending : t.done}<span class="hidden">: ${step.title}</span></span>
          </button>
        </li>`,
      )}
    </ul>
    <button
      type="button"
      class="button button-night wide"
      data-answer="all"
      onClick=${() => due.forEach(({ step, slot }) => checkIn(step, { slot }))}
    >
      ${t.allDone(due.length)}
    </button>
  </div>`;
}

export const Section = ({ title, count, children, className }) =>
  html`<section class=${cx("section", className)}>
    <h2 class="section-head">
      ${title}
      ${count != null && html` <span class="count">${count}</span>`}
    </h2>
    ${children}
  </section>`;

/** A row that opens its step: time or sign, title and detail, chevron. */
export const StepRow = ({ step, lead, detail, chip }) => html`<li class="row">
  <a class="row-open" href=${`#/step/${step.id}`}>
    ${lead}
    <span class="row-words">
      <strong>${step.title}</strong>
      ${detail && html`<span class="secondary">${detail}</span>`}
    </span>
    ${chip && html`<span class="chip">${chip}</span>`}
    <${Icon} name="right" size=${24} />
  </a>
</li>`;

export const LaterRow = ({ step, slot, last, until }) =>
  html`
    <${StepRow}
      step=${step}
      lead=${html`<span class="row-time">${slotTime(until || slot)}</span>`}
      detail=${[
        until && t.putOffFrom(slotTime(slot)),
        last ? step.detail?.replace(/\.$/, "") : step.detail,
        last && t.lastToday,
      ]
        .filter(Boolean)
        .join(" · ")}
    />
  `;

export function OnceRow({ step, sending }) {
  return html`<li class="row">
    <button
      type="button"
      class="box"
      data-answer=${step.id}
      role="checkbox"
      aria-checked=${sending ? "true" : "false"}
      aria-label=${t.markDone(step.title)}
      onClick=${() => checkIn(step)}
    >
      ${sending && html`<${Spinner} size=${22} />`}
    </button>
    <a class="row-open" href=${`#/step/${step.id}`}>
      <span class="row-words">
        <strong>${step.title}</strong>
        ${step.detail && html`<span class="secondary">${step.detail}</span>`}
      </span>
      <${Icon} name="right" size=${24} />
    </a>
  </li>`;
}

export function AsNeededRow({ step }) {
  const entry = state.outbox.find((e) => e.step_id === step.id);
  return html`<li class="row row-stack">
    <a class="row-open" href=${`#/step/${step.id}`}>
      <span class="row-words">
        <strong>${step.title}</strong>
        <span class="secondary">${[step.detail, t.noReminders].filter(Boolean).join(" · ")}</span>
      </span>
      <span class="chip">${t.ifNeeded}</span>
    </a>
    <div class="row-act">
      <${UseButton} step=${step} />
      <span class="secondary">${entry?.waiting ? t.waiting : usesWords(step)}</span>
    </div>
  </li>`;
}

export function EarlierRow({ step, slot, state: how, at, once }) {
  const words =
    how === "missed"
      ? t.missedAt(slotTime(slot))
      : how === "skipped"
        ? t.skippedAt(slotTime(slot))
        : once
          ? t.checkedInAt(time(at))
          : at
            ? t.slotCheckedIn(slotTime(slot), time(at))
            : t.slotDone(slotTime(slot));
  return html`<li class="row">
    <span class=${`row-sign row-sign-${how}`}>
      ${
        how === "done"
          ? html`<${Icon} name="tick" size=${22} />`
          : html`<${DaySign} state=${how} size=${30} />`
      }
    </span>
    <a class="row-plain" href=${`#/step/${step.id}`}>
      <strong>${step.title}</strong>
      <span class="secondary">${words}</span>
    </a>
    ${
      how === "missed"
        ? html`<a class="button button-quiet button-small" href=${`#/step/${step.id}`}>
          ${t.answerLate}
          <span class="hidden">: ${step.title}</span>
        </a>`
        : html`
          <button
            type="button"
            class="button button-quiet button-small"
            onClick=${() => undo(step.id, once ? null : slot)}
          >
            ${t.undo}
            <span class="hidden">: ${step.title}</span>
          </button>
        `
    }
  </li>`;
}

export function WaitingRow({ entry, step }) {
  return html`<li class="row row-waiting">
    <span class="row-sign row-sign-wait"><${Icon} name="tick" size=${22} /></span>
    <span class="row-words">
      <strong>${step?.title || entry.title || t.step}</strong>
      <span class="secondary">
        ${
          entry.outcome === "skipped" ? t.skippedSaved(time(entry.at)) : t.doneSaved(time(entry.at))
        }
      </span>
    </span>
    <span class="chip chip-wait"><${Icon} name="clock" size=${18} />${t.waiting}</span>
    <button
      type="button"
      class="button button-quiet button-small"
      disabled=${entry.sending}
      onClick=${() => undo(entry.step_id, entry.slot)}
    >
      ${t.undo}
      <span class="hidden">: ${entry.title}</span>
    </button>
  </li>`;
}

/** How a course goes, as a sentence. */
export function courseSentence(step, course) {
  if (!course) return step.schedule ? t.openCourse(step.progress?.done || 0) : "";
  const parts = [];
  if (course.missed.length === 0 || step.schedule.miss_policy === "fixed")
    parts.push(dayOf(course));
  parts.push(t.ofDone(course.done, course.total));
  const added = course.days.at(-1)?.added || 0;
  if (added > 0 && course.exact && course.missed.length) {
    const names = course.missed
      .slice(-3)
      .map((date) => (today() < date ? longDay(date) : weekday(date)));
    parts.push(t.missedSo(list(names), course.missed.length, added, longDay(course.end)));
  } else if (course.end) parts.push(t.until(longDay(course.end)));
  return parts.join(" · ");
}

export function Going({ step }) {
  const course = courseOf(step, state.checkIns[step.id]);
  return html`<li class="going">
    <h3>${step.title}</h3>
    <p class="secondary">${courseSentence(step, course)}</p>
    ${course && html`<${Beads} course=${course} />`}
  </li>`;
}
