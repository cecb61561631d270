// A patient's notes and plans over time, with what each changed, and ninety days of answers.
import { html, useEffect, useState } from "../html.js";
import { get } from "../api.js";
import { ifServed, loadPlan } from "../data.js";
import { changes, replacedBy } from "../changes.js";
import { Empty, LoadFailed, Skeleton } from "../parts/controls.js";
import { Icon } from "../parts/icon.js";
import { Spark } from "../parts/spark.js";
import { dateOf, fullDay, shortDay, time } from "../clock.js";
import { state } from "../store.js";
import { t } from "../texts.js";
import { Differences } from "./differences.js";
import { usePatient } from "./panel.js";
import { Pictures } from "./pictures.js";
import { patientClock } from "./patient-clock.js";

const TAGS = { failed: "stopped", ready: "new" };

export function History({ id }) {
  const { steps: active, notes, problem } = usePatient(id);
  const [steps, setSteps] = useState(null);
  const [days, setDays] = useState(null);
  useEffect(() => {
    loadPlan(id, "all").then(setSteps, () => setSteps([]));
    ifServed(() => get(`adherence/?patient_id=${id}&days=90`)).then(
      (answer) => setDays(answer?.data.items || null),
      () => {
        /* the notes remain */
      },
    );
  }, [id, notes]);
  const patient = (state.patients || []).find((p) => p.id === id);
  const due = (days || []).reduce((sum, d) => sum + d.due, 0);
  const done = (days || []).reduce((sum, d) => sum + d.done, 0);
  return html`
    <a class="back" href=${`#/patients/${id}`}>
      <${Icon} name="left" />
      ${patient?.name || t.pages.patients}
    </a>
    <div class="page-head">
      <h1 tabindex="-1" data-title=${t.notesAnd90}>${t.historyOf(patient?.name || "")}</h1>
    </div>
    ${
      days?.length > 0 &&
      html`<section class="card ninety">
        <h2 class="section-head">${t.ninetyDays}</h2>
        <${Spark}
          days=${days}
          wide
          label=${due ? t.keptWords(t.percent(done / due), done, due) : t.nothingDue90}
        />
        <p class="secondary ends">
          <span>${shortDay(days[0].date)}</span>
          <span>${due ? t.keptWords(t.percent(done / due), done, due) : t.nothingDue90}</span>
          <span>${t.todayWord}</span>
        </p>
      </section>`
    }
    <${Pictures} id=${id} last=${patientClock(active).today()} again=${notes} />
    ${
      !notes
        ? problem
          ? html`<${LoadFailed} problem=${problem} />`
          : html`<${Skeleton} />`
        : !notes.length
          ? html`<${Empty} sign="note" title=${t.noNotesYet} />`
          : html`<ol class="history">
            ${notes.map(
              (note) => html`<li class="card" key=${note.id}>
                <div class="history-head">
                  <h2>
                    <a href=${`#/notes/${note.id}`}>
                      ${fullDay(dateOf(note.created_at))}, ${time(note.created_at)}
                    </a>
                  </h2>
                  <span
                    class=${`tag tag-${TAGS[note.status] || "plain"}`}
                  >
                    ${t.noteStatusDoctor[note.status]}
                  </span>
                </div>
                <${NoteChanges} note=${note} steps=${steps} />
              </li>`,
            )}
          </ol>`
    }
  `;
}

function NoteChanges({ note, steps }) {
  if (!steps) return null;
  const own = steps.filter((s) => s.note_id === note.id && s.status !== "rejected");
  if (!own.length) return html`<p class="secondary">${t.noStepsFrom}</p>`;
  return html`<${Differences} what=${changes(replacedBy(note.id, steps), own)} />`;
}
