// One step: early or late check-in, its words in the note, its history.
import { html, useEffect, useState } from "../html.js";
import { call } from "../api.js";
import { checkIn } from "../outbox.js";
import { loadNote, loadStep, knowSteps } from "../data.js";
import { Button, ConfirmDialog, Empty, Skeleton, problemText } from "../parts/controls.js";
import { Beads } from "../parts/beads.js";
import { DaySign } from "../parts/day-sign.js";
import { Icon } from "../parts/icon.js";
import { courseOf } from "../course.js";
import { everyAt, limitsWords } from "../schedule-words.js";
import { dueSlot, snoozedUntil } from "../today-plan.js";
import { pendingAnswer } from "../recent-answers.js";
import { state } from "../store.js";
import { t } from "../texts.js";
import { nextWhen, slotTime, when } from "../clock.js";
import { undo } from "../undo.js";
import { courseSentence, doctorName } from "./rows.js";
import { Ask } from "./ask.js";
import { UseButton, usesWords } from "./as-needed.js";
import { DoneAtDialog } from "./done-at.js";
import { SnoozeDialog } from "./snooze.js";
import { SkipDialog } from "./skip.js";

const LATE_MOST_MS = 48 * 3600000;
const UNDO_MOST_MS = 24 * 3600000;

export default function StepPage({ parts }) {
  const id = parts[1];
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    loadStep(id).then(
      (s) =>
        s.note_id &&
        !state.noteById[s.note_id] &&
        loadNote(s.note_id).catch(() => {
          /* its words stand in the step */
        }),
      setProblem,
    );
  }, [id]);
  const step = state.steps[id];
  const back = html`<a class="back" href="#/today">
    <${Icon} name="left" size=${24} />
    ${t.pages.today}
  </a>`;
  if (!step)
    return html`
      ${back}
      ${
        problem
          ? html`
            <${Empty}
              level=${1}
              sign="info"
              title=${problem.absent ? t.notFound : t.notNow}
              text=${problem.absent ? null : problemText(problem)}
            />
          `
          : html`<h1 class="hidden">${t.step}</h1><${Skeleton} />`
      }
    `;
  const course = courseOf(step, state.checkIns[id]);
  return html`
    ${back}
    <div class="page-head">
      <h1 tabindex="-1" data-title=${t.step}>${step.title}</h1>
      ${step.detail && html`<p class="lead">${step.detail}</p>`}
      ${
        step.status !== "active" &&
        html`<p><span class="chip">${t.stepStatus[step.status]}</span></p>`
      }
    </div>
    <div class="two">
      <div class="col">
        ${step.status === "active" && html`<${Answer} step=${step} />`}
        ${
          step.quote &&
          html`<section class="section">
            <h2 class="section-head">${t.wordsOf(doctorName(step))}</h2>
            <figure class="card paper quote">
              <blockquote>“${step.quote}”</blockquote>
              ${
                state.noteById[step.note_id] ||
                (state.notes || []).some((n) => n.id === step.note_id)
                  ? html`<figcaption>
                    <a href=${`#/notes/${step.note_id}?step=${id}`}>${t.readTheNote}</a>
                  </figcaption>`
                  : null
              }
            </figure>
          </section>`
        }
      </div>
      <div class="col">
        ${
          step.schedule &&
          !step.as_needed &&
          html`<section class="section">
            <h2 class="section-head">${t.howItGoes}</h2>
            <div class="card">
              <p>${everyAt(step.schedule)}</p>
              <p class="secondary">${courseSentence(step, course)}</p>
              ${course && html`<${Beads} course=${course} />`}
            </div>
          </section>`
        }
        <${History} step=${step} />
        <${Ask} step=${step} />
        ${step.status === "active" && html`<${Stop} step=${step} />`}
      </div>
    </div>
  `;
}

function Answer({ step }) {
  const [skipping, skip] = useState(null);
  const [later, putOff] = useState(null);
  if (step.as_needed) {
    return html`<div class="card answer">
      <${UseButton} step=${step} large />
      <p class="secondary">
        ${[usesWords(step), limitsWords(step.limits)].filter(Boolean).join(" · ")}
      </p>
    </div>`;
  }
  if (!step.schedule) {
    const entry = pendingAnswer(step.id, null);
    return html`<div class="card answer">
      <${Button}
        kind="main"
        size="large"
        className="wide"
        data-answer=${step.id}
        icon="tick"
        busy=${Boolean(entry)}
        busyText=${entry?.waiting ? t.waiting : null}
        onClick=${() => checkIn(step)}
      >
        ${t.markItDone}
      <//>
    </div>`;
  }
  const due = dueSlot(step);
  const until = snoozedUntil(step);
  const now = Date.now();
  const open = (step.today || []).filter(
    (s) =>
      s.slot === due ||
      s.state === "open" ||
      s.state === "upcoming" ||
      (s.state === "missed" && now - Date.parse(s.slot) < LATE_MOST_MS),
  );
  if (until && !open.some((s) => s.slot === step.open_slot))
    open.unshift({ slot: step.open_slot, state: "open" });
  if (due && !open.some((s) => s.slot === due)) open.unshift({ slot: due, state: "open" });
  const next = step.next_reminder_at;
  if (!open.length)
    return html`<div class="card answer">
      <p>${t.nothingOpen} ${Date.parse(next) > now && t.nextReminder(nextWhen(next))}</p>
    </div>`;
  return html`
    <ul class="card rows">
      ${open.map(({ slot, state: how }) => {
        const entry = pendingAnswer(step.id, slot);
        const isDue = slot === due;
        return html`<li class="row row-answer" key=${slot}>
          <span class="row-words">
            <strong>
              ${
                isDue
                  ? t.dueNowAt(slotTime(slot))
                  : until && slot === step.open_slot
                    ? `${t.laterAt(slotTime(until))} · ${t.putOffFrom(slotTime(slot))}`
                    : how === "missed"
                      ? t.missedAt(when(slot))
                      : t.laterAt(slotTime(slot))
              }
            </strong>
          </span>
          <span class="row-buttons">
            <${Button}
              kind=${isDue ? "sun" : "outline"}
              icon="tick"
              data-answer=${`${step.id}@${slot}`}
              busy=${entry && !entry.waiting}
              disabled=${entry?.waiting}
              onClick=${() => checkIn(step, { slot })}
            >
              ${
                entry?.waiting
                  ? t.waiting
                  : isDue
                    ? t.done
                    : how === "missed"
                      ? t.itWasDone
                      : t.doneAlready
              }
            <//>
            ${
              isDue &&
              html`<${Button} kind="quiet" disabled=${Boolean(entry)} onClick=${() => putOff(slot)}>
                ${t.laterDots}
              <//>`
            }
            <${Button} kind="quiet" disabled=${Boolean(entry)} onClick=${() => skip(slot)}>
              ${t.skipDots}
            <//>
          </span>
        </li>`;
      })}
    </ul>
    ${skipping && html`<${SkipDialog} step=${step} slot=${skipping} onClose=${() => skip(null)} />`}
    ${later && html`<${SnoozeDialog} step=${step} slot=${later} onClose=${() => putOff(null)} />`}
  `;
}

function History({ step }) {
  const [all, showAll] = useState(false);
  const [changing, change] = useState(null);
  const isLate = (c) => Date.now() - Date.parse(c.at) >= UNDO_MOST_MS;
  const answers = [...(state.checkIns[step.id] || [])].sort((a, b) => b.at.localeCompare(a.at));
  if (!answers.length) return null;
  return html`<section class="section">
    <h2 class="section-head">${t.history}</h2>
    <ul class="card rows">
      ${answers.slice(0, all ? 200 : 6).map(
        (c, i) => html`<li class="row" key=${c.slot || c.at}>
          <span class="row-sign">
            <${DaySign} state=${c.outcome === "skipped" ? "skipped" : "done"} size=${28} />
          </span>
          <span class="row-words">
            <strong>${c.slot && step.schedule ? t.forSlot(when(c.slot)) : when(c.at)}</strong>
            <span class="secondary">
              ${c.outcome === "skipped" ? t.skippedOn(when(c.at)) : t.checkedIn(when(c.at))}
              ${c.over_limit ? ` · ${t.overLimit}` : ""}
              ${c.by ? ` · ${t.answeredBy(c.by.name)}` : ""}
              ${c.reason ? html` · <q>${c.reason}</q>` : ""}
            </span>
          </span>
          ${
            !isLate(c) &&
            c.outcome === "done" &&
            (c.slot || i === 0) &&
            html`
              <${Button} kind="quiet" size="small" onClick=${() => change(c)}>
                ${t.changeTime}
              <//>
            `
          }
          ${
            i === 0 &&
            !isLate(c) &&
            html`
              <${Button}
                kind="quiet"
                size="small"
                onClick=${() => undo(step.id, step.schedule ? c.slot : c.slot || null)}
              >
                ${t.undo}
              <//>
            `
          }
        </li>`,
      )}
    </ul>
    ${
      answers.length > 6 &&
      !all &&
      html`<${Button} kind="quiet" className="wide" onClick=${() => showAll(true)}>
        ${t.showAll}
      <//>`
    }
    ${
      changing &&
      html`<${DoneAtDialog} step=${step} answer=${changing} onClose=${() => change(null)} />`
    }
  </section>`;
}

function Stop({ step }) {
  const [asking, ask] = useState(false);
  const stop = async (reason) => {
    const { data } = await call("POST", `steps/${step.id}/cancel/`, {
      body: reason ? { reason } : {},
    });
    ask(false);
    knowSteps([data]);
  };
  return html`
    <p class="stop">
      <button type="button" class="link" onClick=${() => ask(true)}>${t.stopStep}</button>
    </p>
    ${
      asking &&
      html`<${ConfirmDialog}
        title=${t.stopTitle}
        lead=${t.stopLead(doctorName(step))}
        button=${t.stopReminders}
        reasonId="stop-reason"
        confirm=${stop}
        onClose=${() => ask(false)}
      />`
    }
  `;
}
