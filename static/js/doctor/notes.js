// A doctor's notes: what waits, and the latest of all patients; found by name and by state. Also
// one note with its reading, review and actions.
import { html, useEffect, useState } from "../html.js";
import { call, get } from "../api.js";
import { loadNote, loadNotes, loadQuestions, MOST_NOTES } from "../data.js";
import { Button, Empty, LoadFailed, ProblemLine, Skeleton, useAct } from "../parts/controls.js";
import { Icon } from "../parts/icon.js";
import { when } from "../clock.js";
import { go } from "../router.js";
import { showSuccess } from "../messages.js";
import { waitingNotes } from "./waiting.js";
import { state } from "../store.js";
import { t } from "../texts.js";
import { StepQuestions, openQuestions } from "./step-questions.js";
import { shortcutsEnabled, step, useShortcuts } from "./shortcuts.js";
import { words as own } from "./words.js";
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
const STATES = [null, "waiting", "ready", "rejected", "withdrawn", "superseded"];

const MOST_FIRST_LINES = 30;
const LINE_LENGTH = 90;
const AT_ONCE = 50; // rows shown, and more each time that more are asked for
const TYPING_MS = 200;

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

/**
 * What the service finds by name and state, page by page: {items, next, problem, more}. `items` is
 * null while nothing was searched, and until the first answer comes.
 */
function useFound(name, status) {
  const [found, setFound] = useState({ items: null, next: null });
  const [problem, setProblem] = useState(null);
  const query = new URLSearchParams({ limit: AT_ONCE });
  if (name) query.set("q", name);
  if (status) query.set("status", status);
  const searching = Boolean(name || status);
  const path = `notes/?${query}`;
  useEffect(() => {
    setProblem(null);
    if (!searching) {
      setFound({ items: null, next: null });
      return undefined;
    }
    let gone = false;
    const timer = setTimeout(() => {
      get(path).then(
        ({ data }) => !gone && setFound({ ...data }),
        (caught) => !gone && setProblem(caught),
      );
    }, TYPING_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [path, searching]);
  const more = () =>
    get(`${path}&cursor=${encodeURIComponent(found.next)}`).then(
      ({ data }) => setFound({ items: [...found.items, ...data.items], next: data.next }),
      setProblem,
    );
  return { ...found, problem, searching, more };
}

function All() {
  const [asked, ask] = useState("");
  const [only, showOnly] = useState(null);
  const [most, show] = useState(AT_ONCE);
  const [problem, setProblem] = useState(null);
  const found = useFound(asked.trim(), only);
  useEffect(() => {
    loadNotes().catch(setProblem);
    loadQuestions().catch(() => {
      /* the notes stand without them */
    });
  }, []);
  const waiting = waitingNotes();
  useFirstLines(waiting);
  useShortcuts({
    "/": () => document.getElementById("find")?.focus(),
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
  if (!state.notes.length)
    return html`
      ${head}
      <${Empty} sign="note" title=${t.noNotesYet} text=${t.noNotesYetLead}>
        <a class="button button-main" href="#/patients">${t.pages.patients}</a>
      <//>
    `;
  const others = state.notes.filter((n) => !waiting.includes(n));
  return html`
    <div class="patients-head">
      ${head}
      <div class="find">
        <label class="hidden" for="find">${own().findNote}</label>
        <${Icon} name="search" />
        <input
          id="find"
          type="search"
          placeholder=${own().findNote}
          value=${asked}
          onInput=${(e) => ask(e.target.value)}
          autocomplete="off"
        />
      </div>
    </div>
    <div class="list-tools" role="group" aria-label=${t.listTools}>
      ${STATES.map(
        (status) => html`
          <button
            type="button"
            key=${status || "all"}
            class="button button-quiet button-small"
            aria-pressed=${only === status ? "true" : "false"}
            onClick=${() => showOnly(status)}
          >
            ${own().noteStates[status || "all"]}
          </button>
        `,
      )}
      ${shortcutsEnabled() && html`<span class="secondary keys-hint">${own().notesKeys}</span>`}
    </div>
    ${
      found.searching
        ? html`<${Found} ...${found} />`
        : html`
          <${Queue} waiting=${waiting} />
          ${
            others.length > 0 &&
            html`<${Section}
              title=${t.allOthers}
              count=${others.length}
              list=${others.slice(0, most)}
            >
              ${
                others.length > most
                  ? html`<p class="more-rows">
                    <${Button} kind="outline" onClick=${() => show((now) => now + AT_ONCE)}>
                      ${own().moreRows(Math.min(AT_ONCE, others.length - most))}
                    <//>
                    <span class="secondary">${own().rowsOf(most, others.length)}</span>
                  </p>`
                  : state.notes.length >= MOST_NOTES &&
                    html`<p class="secondary below">${own().olderNotes}</p>`
              }
            <//>`
          }
        `
    }
  `;
}

/** What waits: one by one, each looked through before its steps start. */
function Queue({ waiting }) {
  const asked = openQuestions();
  return html`
    ${
      waiting.length > 0 &&
      html`<p class="next-waiting">
        <a class="button button-main" href=${`#/notes/${waiting[0].id}`}>
          ${t.startReview(waiting.length)}
        </a>
        <${ReadAgain} failed=${waiting.filter((n) => n.status === "failed")} />
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
    ${
      waiting.length > 0 &&
      html`<${Section} title=${t.waitsForYou} count=${waiting.length} list=${waiting} firstLines />`
    }
  `;
}

/** Reading again is safe for many at once: what comes of it is judged like any other reading. */
function ReadAgain({ failed }) {
  const { busy, problem, act } = useAct();
  if (failed.length < 2 && !busy) return null;
  const again = () =>
    act(async () => {
      let count = 0;
      try {
        for (const { id } of failed) {
          const key = `retry-${id}-all-${Date.now().toString(36)}`;
          await call("POST", `notes/${id}/retry/`, { key }).then(
            () => {
              count += 1;
            },
            (caught) => {
              if (![404, 409].includes(caught.status)) throw caught; // somebody was faster
            },
          );
        }
        showSuccess(own().readAgainNow(count));
      } finally {
        await loadNotes();
      }
    });
  return html`
    <${Button} kind="outline" icon="retry" busy=${busy} onClick=${again}>
      ${own().readAgain(failed.length)}
    <//>
    <${ProblemLine} problem=${problem} />
  `;
}

function Found({ items, next, problem, more }) {
  if (problem) return html`<${LoadFailed} problem=${problem} />`;
  if (!items) return html`<${Skeleton} />`;
  // What became of a note meanwhile
  const list = items.map((n) => state.notes.find((now) => now.id === n.id) || n);
  return html`
    <p class="hidden" role="status">${own().notesFound(list.length, Boolean(next))}</p>
    ${
      list.length
        ? html`<${Section}
          title=${own().foundHead}
          count=${`${list.length}${next ? "+" : ""}`}
          list=${list}
          firstLines
        >
          ${
            next &&
            html`<p class="more-rows">
              <${Button} kind="outline" onClick=${more}>${own().moreFound}<//>
            </p>`
          }
        <//>`
        : html`<${Empty} sign="search" title=${own().noNoteFound} text=${own().searchedBy} />`
    }
  `;
}

function Section({ title, count, list, firstLines, children }) {
  return html`<section class="section">
    <h2 class="section-head">${title} <span class="count">${count}</span></h2>
    <ul class="card rows">
      ${list.map((n) => html`<${Row} key=${n.id} note=${n} line=${firstLines && firstLine(n)} />`)}
    </ul>
    ${children}
  </section>`;
}

function Row({ note, line }) {
  const questions = note.status === "proposed" && note.questions;
  return html`<li class="row">
    <a class="row-open" href=${`#/notes/${note.id}`}>
      <span class="row-words">
        <strong>${note.patient?.name || t.unknownPatient}</strong>
        ${line && html`<span class="first-line">${line}</span>`}
        <span class="secondary">
          ${[when(note.created_at), questions ? t.questionsCount(questions) : null]
            .filter(Boolean)
            .join(" · ")}
        </span>
      </span>
      <span class=${`tag tag-${TAG[note.status] || "plain"}`}>
        ${t.noteStatusDoctor[note.status]}
      </span>
      <${Icon} name="right" />
    </a>
  </li>`;
}
