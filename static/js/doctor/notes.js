// A doctor's notes: the latest of all patients, and one with its reading, review and actions.
import { html, useEffect, useState } from "../html.js";
import { loadNotes } from "../data.js";
import { Empty, Skeleton, said } from "../parts/controls.js";
import { Icon } from "../parts/icon.js";
import { when } from "../clock.js";
import { waitingNotes } from "./waiting.js";
import { state } from "../store.js";
import { t } from "../texts.js";
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

function All() {
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    loadNotes().catch(setProblem);
  }, []);
  const head = html`<div class="page-head">
    <h1 tabindex="-1">${t.ways.notes}</h1>
    <p class="lead">${t.notesLeadDoctor}</p>
  </div>`;
  if (!state.notes)
    return html`
      ${head}
      ${
        problem
          ? html`<${Empty} sign="offline" title=${t.notNow} text=${said(problem)} />`
          : html`<${Skeleton} />`
      }
    `;
  if (!state.notes.length)
    return html`
      ${head}
      <${Empty} sign="note" title=${t.noNotesYet} text=${t.noNotesYetLead}>
        <a class="button button-main" href="#/patients">${t.ways.patients}</a>
      <//>
    `;
  const waiting = waitingNotes();
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
