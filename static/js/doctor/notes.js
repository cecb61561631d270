// A doctor's notes: the latest of all patients, and one with its reading, review and actions.
import { html, useEffect, useState } from "../html.js";
import { loadNote, loadNotes, loadQuestions } from "../data.js";
import { Empty, LoadFailed, Skeleton } from "../parts/controls.js";
import { Icon } from "../parts/icon.js";
import { when } from "../clock.js";
import { go } from "../router.js";
import { waitingNotes } from "./waiting.js";
import { state } from "../store.js";
import { t } from "../texts.js";
import { StepQuestions, openQuestions } from "./step-questions.js";
import { step, useShortcuts } from "./shortcuts.js";
import { NotePage } from "./note.js";

export default function Notes({ parts }) {
  return parts[1] ? html`<${NotePage} id=${parts[1]} />` : html`<${All} />`;
}

const TAG = {
  failed: "stopped",
  proposed: "wait",
  queued: "wait",
  processing: "wait",
  ready: "new",
};

const MOST_FIRST_LINES = 30;
const LINE_LENGTH = 90;

// Lists carry no text: the first lines of what waits are read one by one.
function useFirstLines(waiting) {
  const ids = waiting.map((n) => n.id).join();
  useEffect(() => {
    let gone = false;
    (async () => {
      for (const { id } of waiting.slice(0, MOST_FIRST_LINES)) {
        if (gone) return;
        if (!state.noteById[id])
          await loadNote(id).catch(() => {
            /* the row stands without it */
          });
      }
    })();
    return () => {
      gone = true;
    };
  }, [ids]);
}
function firstLine(note) {
  const line = (state.noteById[note.id]?.text || "").trim().split("\n")[0];
  return line.length > LINE_LENGTH ? `${line.slice(0, LINE_LENGTH).trim()}…` : line;
}

function All() {
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    loadNotes().catch(setProblem);
    loadQuestions().catch(() => {
      /* the notes stand without them */
    });
  }, []);
  const waiting = waitingNotes();
  useFirstLines(waiting);
  useShortcuts({
    j: () => step(".rows .row-open", 1),
    k: () => step(".rows .row-open", -1),
    n: () => waiting.length && go(`/notes/${waiting[0].id}`),
  });
  const head = html`<div class="page-head">
    <h1 tabindex="-1">${t.pages.notes}</h1>
    <p class="lead">${t.notesLeadDoctor}</p>
  </div>`;
  if (!state.notes)
    return html`
      ${head}
      ${problem ? html`<${LoadFailed} problem=${problem} />` : html`<${Skeleton} />`}
    `;
  const asked = openQuestions();
  if (!state.notes.length)
    return html`
      ${head}
      <${Empty} sign="note" title=${t.noNotesYet} text=${t.noNotesYetLead}>
        <a class="button button-main" href="#/patients">${t.pages.patients}</a>
      <//>
    `;
  const groups = [
    [t.waitsForYou, waiting],
    [t.allOthers, state.notes.filter((n) => !waiting.includes(n))],
  ].filter(([, list]) => list.length);
  return html`
    ${head}
    ${
      waiting.length > 0 &&
      html`<p class="next-waiting">
        <a class="button button-main" href=${`#/notes/${waiting[0].id}`}>
          ${t.startReview(waiting.length)}
        </a>
      </p>`
    }
    ${
      asked.length > 0 &&
      html`<section class="section">
        <h2 class="section-head">
          ${t.askedByPatients} <span class="count">${asked.length}</span>
        </h2>
        <div class="card"><${StepQuestions} questions=${asked} /></div>
      </section>`
    }
    ${groups.map(
      ([title, list]) =>
        html`<section class="section" key=${title}>
          <h2 class="section-head">${title} <span class="count">${list.length}</span></h2>
          <ul class="card rows">
            ${list.map(
              (n) => html`<li class="row" key=${n.id}>
                <a class="row-open" href=${`#/notes/${n.id}`}>
                  <span class="row-words">
                    <strong>${n.patient?.name || t.unknownPatient}</strong>
                    ${
                      waiting.includes(n) &&
                      firstLine(n) &&
                      html`<span class="first-line">${firstLine(n)}</span>`
                    }
                    <span class="secondary">
                      ${[
                        when(n.created_at),
                        n.status === "proposed" && n.questions
                          ? t.questionsCount(n.questions)
                          : null,
                      ]
                        .filter(Boolean)
                        .join(" · ")}
                    </span>
                  </span>
                  <span class=${`tag tag-${TAG[n.status] || "plain"}`}>
                    ${t.noteStatusDoctor[n.status]}
                  </span>
                  <${Icon} name="right" />
                </a>
              </li>`,
            )}
          </ul>
        </section>`,
    )}
  `;
}
