// One patient: name, the last three days, reasons for skipping, the plan, the notes.
import { html, useEffect, useState } from "../html.js";
import { call, getAll } from "../api.js";
import { draftFor } from "../device.js";
import { firstPatients, loadDetails, loadPlan } from "../data.js";
import { watchers } from "../feed.js";
import { showSuccess } from "../messages.js";
import { ConfirmDialog, Empty, LoadFailed, ProblemLine, Skeleton } from "../parts/controls.js";
import { DaySign } from "../parts/day-sign.js";
import { Icon } from "../parts/icon.js";
import { Spark } from "../parts/spark.js";
import { addDays, dateOf, dayMonth, tinyDay, when } from "../clock.js";
import { timesOn } from "../course.js";
import { isShortDay } from "../today-plan.js";
import { state } from "../store.js";
import { t } from "../texts.js";
import { limitsWords, scheduleLine } from "../schedule-words.js";
import { Contact } from "./contact.js";
import { needLine, sparkWords } from "./need.js";
import { patientClock } from "./patient-clock.js";
import { StepQuestions, openQuestions } from "./step-questions.js";
import { words as own } from "./words.js";

/** Steps (with check-ins) and notes of a patient, kept fresh while it is shown. */
export function usePatient(id) {
  const [data, setData] = useState({ steps: null, notes: null, problem: null });
  useEffect(() => {
    let gone = false;
    let timer = null;
    const load = async () => {
      try {
        const [steps, { items: notes }] = await Promise.all([
          loadPlan(id).then(loadDetails),
          getAll(`notes/?patient_id=${id}`, 200),
        ]);
        if (!gone)
          setData({
            steps,
            notes: notes.sort((a, b) => b.created_at.localeCompare(a.created_at)),
            problem: null,
          });
      } catch (problem) {
        if (!gone) setData((was) => ({ ...was, problem }));
      }
    };
    const watcher = ({ event, data: what }) => {
      const about = what.step?.patient_id || what.patient?.id || what.created?.[0]?.patient_id;
      if (about && about !== id) return;
      if (!["step.checked_in", "steps.changed", "note.status", "reset"].includes(event)) return;
      if (!timer)
        timer = setTimeout(() => {
          timer = null;
          load();
        }, 800);
    };
    if (!state.patients)
      firstPatients().catch(() => {
        /* the steps say what is wrong */
      });
    load();
    watchers.add(watcher);
    return () => {
      gone = true;
      clearTimeout(timer);
      watchers.delete(watcher);
    };
  }, [id]);
  return data;
}

export function Panel({ id, page }) {
  const { steps, notes, problem } = usePatient(id);
  const patient = (state.patients || []).find((p) => p.id === id);
  const Head = page ? "h1" : "h2";
  const Sub = page ? "h2" : "h3";
  if (problem?.absent || (state.patients && !patient))
    return html`
      <${Empty} level=${page ? 1 : 2} sign="person" title=${t.notYours} text=${t.notYoursLead} />
    `;
  if (!patient)
    return problem
      ? html`<${LoadFailed} level=${1} problem=${problem} />`
      : html`${page && html`<h1 class="hidden">${t.colPatient}</h1>`}<${Skeleton} />`;
  const clock = patientClock(steps);
  const plans = (steps || []).filter((s) => s.kind === "plan" && !s.as_needed && s.schedule);
  const inFlight = (notes || []).find((n) =>
    ["queued", "processing", "proposed", "failed"].includes(n.status),
  );
  const latest = (notes || []).find((n) => n.status === "ready");
  return html`<section class=${page ? "panel panel-page" : "card panel"} aria-label=${patient.name}>
    <${Head} class="panel-name" tabindex="-1" data-title=${t.colPatient}>${patient.name}<//>
    <p class="secondary">
      ${t.yoursSince(dayMonth(dateOf(patient.since)))} · ${t.lastCheckIn(
        patient.last_check_in_at ? when(patient.last_check_in_at) : t.never,
      )}
      ${clock.now ? ` · ${t.thereNow(clock.now)}` : ""}
    </p>
    <${Contact} patient=${patient} page=${page} />
    <a class="button button-main wide" href=${`#/patients/${id}/write`}>
      <${Icon} name="pencil" />
      <span>${draftFor(id) ? own().goOnWriting : t.writeNote}</span>
    </a>
    ${
      inFlight &&
      html`<a class="in-flight" href=${`#/notes/${inFlight.id}`}>
        <span class=${`tag ${inFlight.status === "failed" ? "tag-stopped" : "tag-wait"}`}>
          ${t.noteStatusDoctor[inFlight.status]}
        </span> ${t.noteFrom(when(inFlight.created_at))}
        ${
          inFlight.status === "proposed" && inFlight.questions
            ? ` · ${t.questionsCount(inFlight.questions)}`
            : ""
        }
      </a>`
    }
    ${
      openQuestions(id).length > 0 &&
      html`<div class="panel-asked">
        <${Sub} class="panel-head">${t.asksHead(patient.name.split(" ")[0])}<//>
        <${StepQuestions} questions=${openQuestions(id)} steps=${steps || []} />
      </div>`
    }
    ${
      page &&
      html`<div class="panel-why">
        <p>${needLine(patient)}</p>
        <${Spark} days=${patient.days || []} label=${sparkWords(patient)} wide />
      </div>`
    }
    ${
      !steps
        ? problem
          ? html`<${ProblemLine} problem=${problem} />`
          : html`<${Skeleton} />`
        : html`
          <div class=${page ? "panel-parts" : ""}>
            ${
              plans.length > 0 &&
              html`<div>
                <${Sub} class="panel-head">${t.lastThreeDays}<//>
                <${ThreeDays} steps=${plans} clock=${clock} />
              </div>`
            }
            <${Uses} steps=${steps} Sub=${Sub} clock=${clock} />
            <${SkipReasons} steps=${steps} Sub=${Sub} />
            <div>
              <${Sub} class="panel-head">${t.activePlan}<//>
              ${
                steps.length
                  ? html`<ul class="plan-lines">
                    ${steps.map(
                      (step) => html`
                        <${PlanLine}
                          key=${step.id}
                          step=${step}
                          page=${page}
                          left=${steps.length - 1}
                          first=${patient.name.split(" ")[0]}
                        />
                      `,
                    )}
                  </ul>`
                  : html`<p class="secondary">${t.noPlanYet}</p>`
              }
            </div>
          </div>
          <p class="panel-links">
            ${
              latest &&
              html`<a href=${`#/notes/${latest.id}`}>
                ${t.noteOfDay(dayMonth(dateOf(latest.created_at)))}
              </a>`
            }
            <a href=${`#/patients/${id}/history`}>${t.notesAnd90}</a>
          </p>
        `
    }
  </section>`;
}

// Days are the patient's own, as in the list's thirty.
function ThreeDays({ steps, clock }) {
  const dates = [-2, -1, 0].map((gap) => addDays(clock.today(), gap));
  return html`<table class="three">
    <thead>
      <tr>
        <td></td>
        ${dates.map(
          (date, i) => html`<th scope="col" key=${date}>
            ${i === 2 ? t.todayWord : tinyDay(date)}
          </th>`,
        )}
      </tr>
    </thead>
    <tbody>
      ${steps.map(
        (step) => html`<tr key=${step.id}>
          <th scope="row">${step.title}</th>
          ${dates
            .map((date) => [date, signsOf(step, date, clock)])
            .map(
              ([date, signs]) => html`<td key=${date} class=${signs.length < 4 ? "few" : null}>
                ${signs.map(
                  (how, i) => html`
                    <${DaySign}
                      key=${i}
                      state=${how}
                      size=${signs.length === 3 ? 16 : 18}
                      label=${t.dayWords[how === "due" ? "due" : how]}
                    />
                  `,
                )}
              </td>`,
            )}
        </tr>`,
      )}
    </tbody>
  </table>`;
}

const MOST_SIGNS = 4;
// Each slot of the day as a sign; what was not answered by now was missed.
function signsOf(step, date, clock) {
  const born = clock.date(step.created_at);
  if (date === clock.today())
    return (step.today || [])
      .map((s) => (s.state === "upcoming" ? "come" : s.state === "open" ? "due" : s.state))
      .slice(-MOST_SIGNS);
  const answers = (step.check_ins || []).filter((c) => c.slot && clock.date(c.slot) === date);
  const expected =
    isShortDay(step) || born > date
      ? answers.length
      : Math.max(answers.length, born === date ? answers.length : timesOn(step, date).length);
  return [
    ...answers.map((c) => c.outcome),
    ...Array(expected - answers.length).fill("missed"),
  ].slice(0, MOST_SIGNS);
}

const USE_DAYS = 7;
// What was used as needed, by the patient's own days; what went beyond the note stands out.
function Uses({ steps, Sub, clock }) {
  const needed = steps.filter((step) => step.as_needed);
  if (!needed.length) return null;
  const from = addDays(clock.today(), 1 - USE_DAYS);
  return html`<div>
    <${Sub} class="panel-head">${t.usesHead}<//>
    <ul class="uses">
      ${needed.map((step) => {
        const uses = (step.check_ins || []).filter(
          (c) => c.outcome === "done" && clock.date(c.at) >= from,
        );
        const days = new Map();
        for (const use of uses)
          days.set(clock.date(use.at), (days.get(clock.date(use.at)) || 0) + 1);
        const over = uses.filter((use) => use.over_limit).length;
        const words = [...days]
          .sort()
          .reverse()
          .map(([date, n]) => t.usesDay(n, date === clock.today() ? t.todayWord : tinyDay(date)));
        return html`<li key=${step.id}>
          <strong>${step.title}</strong>
          ${over > 0 && html` <span class="tag tag-stopped">${t.usesOver(over)}</span>`}
          <span class="secondary block">
            ${words.length ? words.join(" · ") : t.noUses}
            ${step.limits ? ` (${limitsWords(step.limits)})` : ""}
          </span>
        </li>`;
      })}
    </ul>
  </div>`;
}

function SkipReasons({ steps, Sub }) {
  const said_ = steps
    .flatMap((step) => (step.check_ins || []).filter((c) => c.reason).map((c) => ({ ...c, step })))
    .sort((a, b) => b.at.localeCompare(a.at))
    .slice(0, 3);
  if (!said_.length) return null;
  return html`<div>
    <${Sub} class="panel-head">${t.saidSkipping}<//>
    ${said_.map(
      (c) => html`<figure class="said" key=${c.at}>
        <blockquote>“${c.reason}”</blockquote>
        <figcaption class="secondary">${c.step.title}, ${when(c.at)}</figcaption>
      </figure>`,
    )}
  </div>`;
}

function PlanLine({ step, page, left, first }) {
  const [asking, ask] = useState(false);
  const right = step.as_needed
    ? t.ifNeeded
    : !step.schedule
      ? t.toDo
      : step.progress?.total > 1
        ? `${step.progress.done} / ${step.progress.total}`
        : step.progress?.total === 1
          ? t.toDo
          : t.openEnd;
  const stop = async (reason) => {
    await call("POST", `steps/${step.id}/cancel/`, { body: reason ? { reason } : {} });
    ask(false);
    showSuccess(t.stoppedOne, { text: t.leftNow(left, first) });
  };
  return html`<li>
    <span>
      ${step.title}
      ${page && html`<span class="secondary block">${scheduleLine(step)}</span>`}
    </span>
    <span class=${step.progress?.total > 1 ? "num" : "num secondary"}>${right}</span>
    <button
      type="button"
      class="icon-button"
      aria-label=${t.stopOne(step.title)}
      onClick=${() => ask(true)}
    >
      <${Icon} name="cross" />
    </button>
    ${
      asking &&
      html`<${ConfirmDialog}
        title=${t.stopOneTitle(step.title)}
        lead=${t.stopOneLead}
        button=${t.stopThisStep}
        reasonId="stop-reason"
        confirm=${stop}
        onClose=${() => ask(false)}
      />`
    }
  </li>`;
}
