// The patient's notes: all of them, and one with the words that each step comes from.
import { html, cx, useEffect, useRef, useState } from "../html.js";
import { get } from "../api.js";
import { ifServed, loadNote, loadNotes } from "../data.js";
import { Empty, LoadFailed, Skeleton } from "../parts/controls.js";
import { HalfSun, Icon } from "../parts/icon.js";
import { MarkedNote, calm } from "../parts/marked-note.js";
import { dayOf } from "../parts/beads.js";
import { courseOf } from "../course.js";
import { capital, howOften } from "../schedule-words.js";
import { dateOf, fullDay, time, when } from "../clock.js";
import { shortName } from "../names.js";
import { state } from "../store.js";
import { t } from "../texts.js";
import { Section } from "./rows.js";

export default function Notes({ parts, query }) {
  return parts[1] ? html`<${Note} id=${parts[1]} step=${query.get("step")} />` : html`<${All} />`;
}

function All() {
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    loadNotes().catch(setProblem);
  }, []);
  const notes = state.notes;
  const head = html`<div class="page-head">
    <h1 tabindex="-1">${t.pages.notes}</h1>
    <p class="lead">${t.notesLead}</p>
  </div>`;
  if (!notes)
    return html`
      ${head}
      ${problem ? html`<${LoadFailed} problem=${problem} />` : html`<${Skeleton} />`}
    `;
  if (!notes.length)
    return html`
      ${head}
      <${Empty}
        sign=${html`<${HalfSun} />`}
        title=${t.noNotes}
        text=${state.assignment ? t.noNotesLead : t.chooseDoctorLead}
      >
        ${
          !state.assignment &&
          html`<a class="button button-main" href="#/doctor">${t.chooseDoctor}</a>`
        }
      <//>
    `;
  return html`
    ${head}
    <ul class="card rows narrow">
      ${notes.map(
        (n) => html`<li class="row note-line" key=${n.id}>
          ${
            n.status === "withdrawn"
              ? html`<span class="row-open"><${NoteWords} note=${n} /></span>`
              : html`<a class="row-open" href=${`#/notes/${n.id}`}>
                <${NoteWords} note=${n} />
                <${Icon} name="right" size=${24} />
              </a>`
          }
        </li>`,
      )}
    </ul>
  `;
}

// Several notes of one day are told apart by their time.
const sameDay = (note) =>
  (state.notes || []).filter((n) => dateOf(n.created_at) === dateOf(note.created_at)).length > 1;

const NoteWords = ({ note }) => html`
  <span class="row-sign row-sign-note"><${Icon} name="note" size=${22} /></span>
  <span class="row-words">
    <strong>${t.noteOf(shortName(note.doctor?.name || t.yourDoctor))}</strong>
    <span class="secondary">
      ${fullDay(dateOf(note.created_at))}${sameDay(note) ? html`, ${time(note.created_at)}` : ""}
    </span>
  </span>
  ${
    note.status !== "ready" &&
    html`<span class="chip">${t.noteStatus[note.status] || note.status}</span>`
  }
`;

function Note({ id, step: asked }) {
  const [problem, setProblem] = useState(null);
  const [chosen, choose] = useState(asked);
  const list = useRef(null);
  const listed = (state.notes || []).find((n) => n.id === id)?.status;
  useEffect(() => {
    loadNote(id).then(() => setProblem(null), setProblem);
  }, [id, listed]);
  const note = state.noteById[id];
  const back = html`<a class="back" href="#/notes">
    <${Icon} name="left" size=${24} />
    ${t.allNotes}
  </a>`;
  const pick = (stepId) => {
    choose(stepId);
    list.current
      ?.querySelector(`[data-step="${CSS.escape(stepId)}"]`)
      ?.scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
  };
  if (problem?.absent)
    return html`
      ${back}
      <${Empty} level=${1} sign="note" title=${t.noteGone} text=${t.noteGoneLead} />
    `;
  if (!note)
    return html`
      ${back}
      ${
        problem
          ? html`<${LoadFailed} level=${1} problem=${problem} />`
          : html`<h1 class="hidden">${t.note}</h1><${Skeleton} />`
      }
    `;
  const steps = (note.steps || [])
    .map((s) => ({ ...s, ...(state.steps[s.id] || {}) }))
    .map((step, i) => ({ step, number: i + 1 }));
  const marked = steps.filter(({ step }) => step.quote);
  return html`
    ${back}
    <div class="page-head">
      <h1 tabindex="-1" data-title=${t.note}>
        ${t.noteOf(shortName(note.doctor?.name || t.yourDoctor))}
      </h1>
      <p class="lead">${fullDay(dateOf(note.created_at))}, ${time(note.created_at)}</p>
    </div>
    <div class="two">
      <div class="col">
        <div class="card paper">
          <${MarkedNote}
            text=${note.text || ""}
            steps=${marked}
            chosen=${chosen}
            onChoose=${pick}
          />
        </div>
        ${marked.length > 0 && html`<p class="secondary below">${t.numbersShow}</p>`}
      </div>
      <div class="col">
        ${
          steps.length > 0 &&
          html`<${Section} title=${t.stepsFromNote} count=${steps.length}>
            <ol class="card rows" ref=${list}>
              ${steps.map(
                ({
                  step,
                  number,
                }) => html`<li class="row-choice" key=${step.id} data-step=${step.id}>
                  <button
                    type="button"
                    class=${cx("note-step", chosen === step.id && "note-step-on")}
                    aria-pressed=${chosen === step.id ? "true" : "false"}
                    onClick=${() => pick(step.id)}
                  >
                    <span class="disc">${number}</span>
                    <span class="row-words">
                      <strong>${step.title}</strong>
                      <span class="secondary">${capital(howOften(step))}</span>
                    </span>
                    <span class="chip">${capital(stepChip(step))}</span>
                  </button>
                </li>`,
              )}
            </ol>
          <//>`
        }
        ${
          !steps.length &&
          html`<div class="card">
            <p class="secondary">
              ${note.status === "ready" ? t.noSteps : t.noteStatus[note.status]}
            </p>
          </div>`
        }
        <${Readers} noteId=${id} doctor=${note.doctor?.name} />
      </div>
    </div>
  `;
}

function stepChip(step) {
  if (step.status !== "active") return t.stepStatus[step.status];
  if (step.as_needed) return t.ifNeededChip;
  if (!step.schedule) return t.toDo;
  const course = courseOf(step, state.checkIns[step.id]);
  if (!course) return step.progress?.total === 1 ? t.toDo : t.noEndDate;
  return course.missed.length ? t.ofTotal(course.done, course.total) : dayOf(course);
}

/** Who it was, out of an entry of the access log: a name, or what stands in for one. */
export const actorName = ({ by, role }) =>
  by && by.id === state.user?.id ? t.you : by?.name || t.accessRoles[role] || t.system;

function Readers({ noteId, doctor }) {
  const [readers, setReaders] = useState(null);
  useEffect(() => {
    ifServed(() => get("me/access-log/?limit=200")).then(
      (answer) => {
        if (!answer) return;
        const last = new Map();
        for (const entry of answer.data.items) {
          if (entry.item_id !== noteId || entry.act !== "note.read") continue;
          const name = actorName(entry);
          if (!last.has(name)) last.set(name, entry.at);
        }
        setReaders([...last]);
      },
      () => {
        /* the note is what matters; this part stays away */
      },
    );
  }, [noteId]);
  if (!readers?.length) return null;
  return html`<section class="card readers">
    <h2><${Icon} name="eye" size=${24} />${t.whoRead}</h2>
    <dl>
      ${readers.map(
        ([name, at]) => html`<div key=${name}><dt>${name}</dt><dd>${when(at)}</dd></div>`,
      )}
    </dl>
    ${doctor && html`<p class="secondary">${t.onlyYouAnd(shortName(doctor))}</p>`}
  </section>`;
}
