// One note of the doctor's: while it is being read, the review of its steps and questions, and what
// can still be done about it.
import { html, cx, useEffect, useMemo, useRef, useState } from "../html.js";
import { call } from "../api.js";
import { loadNote, loadNotes, loadPlan } from "../data.js";
import { changes, replacedBy } from "../changes.js";
import {
  Button,
  ConfirmDialog,
  Empty,
  Skeleton,
  ProblemLine,
  problemText,
  useAct,
} from "../parts/controls.js";
import { Icon, Spinner } from "../parts/icon.js";
import { MarkedNote, calm } from "../parts/marked-note.js";
import { scheduleBody } from "../schedule-words.js";
import { dateOf, fullDay, time, today } from "../clock.js";
import { go } from "../router.js";
import { showSuccess } from "../messages.js";
import { state } from "../store.js";
import { t } from "../texts.js";
import { newStepBody } from "./answers.js";
import { Differences } from "./differences.js";
import { useShortcuts } from "./shortcuts.js";
import { Legend } from "./legend.js";
import { Questions, questionsOf } from "./questions.js";
import { changeDraft, draftOf, dropDraft, isEmpty } from "./review-draft.js";
import { ReviewRows } from "./review-rows.js";
import { StepForm } from "./step-form.js";
import { nextWaiting } from "./waiting.js";
import { words as own } from "./words.js";

const READING = ["queued", "processing"];
const POLL_MS = 4000;
const DAY_MS = 86400000;
// Temporary reasons: the service retries such a note by itself, for a day.
const PASSING = ["rate-limited", "unavailable", "timeout", "unauthorized"];
const RULES = ["offline", "local"];

export function NotePage({ id }) {
  const [problem, setProblem] = useState(null);
  const note = state.noteById[id];
  const listed = (state.notes || []).find((n) => n.id === id)?.status;
  const load = () => loadNote(id).then(() => setProblem(null), setProblem);
  useEffect(() => {
    load();
  }, [id]);
  // The list was read later.
  useEffect(() => {
    if (listed && note && note.status !== listed) load();
  }, [listed]);
  // Without the live channel the page polls until the note has been read.
  const reading = note && READING.includes(note.status);
  useEffect(() => {
    if (!reading) return undefined;
    const timer = setInterval(() => {
      const slow = Date.now() - Date.parse(note.created_at) > 10000;
      if (state.connection !== "live" || slow)
        loadNote(id).catch(() => {
          /* asked again */
        });
    }, POLL_MS);
    return () => clearInterval(timer);
  }, [id, reading]);
  if (note) return html`<${Note} key=${id} note=${note} />`;
  if (!problem) return html`<h1 class="hidden">${t.note}</h1><${Skeleton} />`;
  return html`
    <a class="back" href="#/notes"><${Icon} name="left" />${t.allNotes}</a>
    <${Empty}
      level=${1}
      sign="note"
      title=${problem.absent ? t.noteGone : t.notNow}
      text=${problem.absent ? own().noteGoneDoctor : problemText(problem)}
    />
  `;
}

function Stages({ note }) {
  const { status } = note;
  const reading = READING.includes(status);
  const last =
    {
      proposed: own().stageApprove,
      failed: own().stageFailed,
      superseded: t.noteStatusDoctor.superseded,
      rejected: t.noteStatusDoctor.rejected,
      withdrawn: t.noteStatusDoctor.withdrawn,
    }[status] || own().stageReady;
  const done = html`<${Icon} name="tick" size=${18} />`;
  const second = reading ? "stage-now" : status === "failed" ? "stage-wrong" : "stage-done";
  const third =
    status === "ready" ? "stage-done" : status === "proposed" ? "stage-now" : "stage-come";
  return html`<ol class="stages" aria-label=${own().stages}>
    <li class="stage stage-done">${done}${own().stageSaved}</li>
    <li class=${cx("stage", second)}>
      ${
        reading
          ? html`<${Spinner} size=${18} />`
          : status === "failed"
            ? html`<${Icon} name="warning" size=${18} />`
            : done
      }
      ${own().stageReading}
    </li>
    <li class=${cx("stage", third)} aria-current=${reading ? null : "step"}>
      ${status === "ready" ? done : html`<span class="stage-dot"></span>`}
      ${last}
    </li>
  </ol>`;
}

const rowOf = (step) => ({
  id: step.id,
  key: step.id,
  title: step.title,
  detail: step.detail,
  schedule: step.schedule,
  kind: step.kind,
  as_needed: step.as_needed,
  limits: step.limits,
  quote: step.quote,
  by: step.by,
  status: step.status,
});

/**
 * All steps as they stand in the review: proposed ones, edited or not, answers to questions, and
 * those by hand.
 */
function rowsOf(steps, questions, { edits, answers, added }) {
  return [
    ...steps.map((s) => (edits[s.key] ? { ...s, ...edits[s.key], edited: true } : s)),
    ...questions
      .filter((q) => answers[q.key]?.step)
      .map((q) => ({
        ...answers[q.key].step,
        key: q.key,
        question: q.key,
        quote: q.quote,
        by: "doctor",
      })),
    ...added,
  ];
}

function approvalOf({ steps, kept, draft, keep, note }) {
  const noteDate = dateOf(note.created_at);
  const body = {};
  if (kept.length && !isEmpty({ ...draft, keep: {} })) {
    body.steps = kept.map((step) => {
      if (!step.id) return newStepBody(step, noteDate, note.text || "");
      if (!step.edited) return { id: step.id };
      const was = steps.find((s) => s.id === step.id)?.schedule;
      const moved =
        step.schedule &&
        step.schedule !== was &&
        JSON.stringify(step.schedule) !== JSON.stringify(was);
      return {
        id: step.id,
        title: step.title,
        detail: step.detail || null,
        ...(moved ? { schedule: scheduleBody(step.schedule, noteDate) } : {}),
      };
    });
  }
  if (keep.length) body.keep = keep.map((step) => step.id);
  return body;
}

const soonFocus = (find) => requestAnimationFrame(() => find()?.focus({ preventScroll: true }));

function Note({ note }) {
  const { status } = note;
  const reading = READING.includes(status);
  const review = status === "proposed";
  const name = note.patient?.name || "";
  const first = name.split(" ")[0] || name;
  const draft = draftOf(note.id);
  const { removed, added, answers } = draft;
  const change = (part) => changeDraft(note.id, part);
  // The key of the step being edited, or {quote} for a new one
  const [open, setOpen] = useState(null);
  const [chosen, choose] = useState(null);
  const [asking, ask] = useState(null);
  const [others, setOthers] = useState(null); // what runs now; null: not known
  const [unread, setUnread] = useState(false); // it could not be read
  const { busy, problem, act } = useAct();
  const list = useRef(null);

  const loadOthers = () => {
    if (!note.patient?.id || reading) return;
    setUnread(false);
    loadPlan(note.patient.id, review ? "active" : "all").then(
      (all) =>
        setOthers(review ? all.filter((s) => s.note_id !== note.id) : replacedBy(note.id, all)),
      () => {
        setOthers(null);
        setUnread(true);
      },
    );
  };
  useEffect(loadOthers, [note.id, status]);
  useEffect(() => {
    if (!state.notes)
      loadNotes().catch(() => {
        /* no way on is shown */
      });
  }, []);

  const steps = (note.steps || [])
    .filter((s) => (review ? s.status === "proposed" : s.status !== "rejected"))
    .map(rowOf);
  const questions = review ? questionsOf(note) : [];
  const openCount = questions.filter((q) => !answers[q.key]).length;
  const rows = review ? rowsOf(steps, questions, draft) : steps;
  const kept = rows.filter((s) => !removed[s.key]);
  const marked = rows
    .map((step, i) => ({ step, number: i + 1 }))
    .filter(({ step }) => step.quote && !removed[step.key]);
  const dropped = (note.dropped || []).map((d) => ({
    ...(d.item || d),
    reason: d.reason,
    words: d.detail && d.item ? d.detail : null,
  }));
  const unmatched = note.unmatched || [];
  const what = useMemo(
    () => (others && kept.length ? changes(others, kept) : null),
    [others, draft, note.steps],
  );
  const stopped = what?.stopped || [];
  const keep = review ? stopped.filter((s) => draft.keep[s.id]) : [];
  const next = nextWaiting(note.id);

  const pick = (key) => {
    choose(key);
    const found = document.querySelector(
      `[data-step="${CSS.escape(key)}"], [data-question="${CSS.escape(key)}"]`,
    );
    found?.scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
  };
  const toRow = (key) =>
    soonFocus(() => list.current?.querySelector(`[data-step="${CSS.escape(key)}"] .row-plain`));
  const acts = {
    pick,
    close: (key) => {
      setOpen(null);
      toRow(key);
    },
    edit: (key) => {
      setOpen(key);
      choose(key);
    },
    putBack: (step) => {
      change({ removed: { ...removed, [step.key]: false } });
      toRow(step.key);
    },
    leaveOut: (step) => {
      if (step.id) change({ removed: { ...removed, [step.key]: true } });
      else if (step.question)
        change({ answers: { ...answers, [step.question]: { pick: "nothing" } } });
      else change({ added: added.filter((a) => a.key !== step.key) });
    },
    save: (step, given) => {
      if (step.id) change({ edits: { ...draft.edits, [step.key]: given } });
      else if (step.question) {
        const rescheduled =
          answers[step.question].step.rescheduled || given.schedule !== step.schedule;
        const own = { ...answers[step.question].step, ...given, rescheduled };
        change({ answers: { ...answers, [step.question]: { pick: "own", step: own } } });
      } else change({ added: added.map((a) => (a.key === step.key ? { ...a, ...given } : a)) });
      setOpen(null);
      toRow(step.key);
    },
  };
  const addStep = (given) => {
    const key = `new-${added.length}-${Date.now()}`;
    const kind = given.schedule ? "plan" : "checklist";
    change({
      added: [...added, { key, by: "doctor", as_needed: false, kind, quote: open.quote, ...given }],
    });
    setOpen(null);
    toRow(key);
  };

  const after = (data) => {
    state.noteById = { ...state.noteById, [note.id]: { ...note, ...data } };
    return loadNote(note.id);
  };
  const toHead = () => soonFocus(() => document.querySelector("main h1"));
  const approve = () =>
    act(async () => {
      const body = approvalOf({ steps, kept, draft, keep, note });
      const key = `approve-${note.id}-${kept.length}-${Date.now().toString(36)}`;
      const { data } = await call("POST", `notes/${note.id}/approve/`, { body, key });
      dropDraft(note.id);
      setOpen(null);
      await after(data);
      showSuccess(kept.length ? t.approved(kept.length, first) : own().closedNote);
      toHead();
    });
  const retry = (reader) =>
    act(async () => {
      const key = `retry-${note.id}-${reader || ""}-${Date.now().toString(36)}`;
      const { data } = await call("POST", `notes/${note.id}/retry/`, {
        key,
        ...(reader ? { body: { reader } } : {}),
      });
      await after(data);
      toHead();
    });

  const mayApprove = review && others && !openCount && !busy && (kept.length > 0 || !steps.length);
  useShortcuts({
    "ctrl+enter": () => mayApprove && !open && approve(),
    n: () => next && go(`/notes/${next.id}`),
  });
  const isToday = dateOf(note.created_at) === today();
  const shownQuestions = (review ? questions : questionsOf(note))
    .map((q) => ({ ...q, open: review && !answers[q.key] }))
    .filter((q) => !(review && answers[q.key]?.step));
  const account = reading ? [] : note.account || [];
  const noteCard = html`<section class="card paper note-card">
    <div class="write-head">
      <h2>${t.yourNote}</h2>
      <span class="secondary">
        ${own().lengthOf([...(note.text || "")].length)} · ${
          isToday ? own().sentAt(time(note.created_at)) : fullDay(dateOf(note.created_at))
        }
      </span>
    </div>
    <${MarkedNote}
      text=${note.text || ""}
      steps=${marked}
      questions=${reading ? [] : shownQuestions}
      dropped=${dropped}
      unmatched=${unmatched}
      account=${account}
      chosen=${chosen}
      onChoose=${pick}
    />
    ${
      !reading &&
      html`
        <${Legend}
          steps=${marked}
          questions=${shownQuestions}
          dropped=${dropped}
          unmatched=${unmatched}
          account=${account}
        />
      `
    }
  </section>`;
  // Where everything is new the list beside it says it all.
  const differs = what && what.stopped.length + what.changed.length + what.same.length > 0;
  const diffCard =
    differs &&
    html`<section class="card diff-card">
      <h2 class="section-head">
        ${review ? own().whatChangesFor(first) : own().whatChangedFor(first)}
      </h2>
      <${Differences}
        what=${{ ...what, stopped: stopped.filter((s) => !keep.includes(s)), kept: keep }}
      />
      ${
        review &&
        stopped.length > 0 &&
        html`
          <${Keep}
            stopped=${stopped}
            first=${first}
            keep=${draft.keep}
            onChange=${(all) => change({ keep: all })}
          />
        `
      }
    </section>`;

  return html`
    <a class="back" href=${note.patient?.id ? `#/patients/${note.patient.id}` : "#/notes"}>
      <${Icon} name="left" />
      ${name || t.allNotes}
    </a>
    <div class="note-head">
      <div class="page-head">
        <h1 tabindex="-1" data-title=${t.note}>
          ${isToday ? t.newNoteFor(name) : own().noteFor(name)}
        </h1>
      </div>
      <${Stages} note=${note} />
    </div>
    <p class="hidden" role="status">${t.stageSpoken(status, kept.length)}</p>
    ${!review && !reading && next && html`<${Next} next=${next} />`}
    <div class="review">
      <div class="review-side">
        <div class="review-note">${noteCard}</div>
        <div class="review-diff">${diffCard}</div>
      </div>
      <div class="review-side">
        ${
          questions.length > 0 &&
          html`
            <${Questions}
              note=${note}
              questions=${questions}
              answers=${answers}
              chosen=${chosen}
              onChoose=${pick}
              onAnswer=${(key, answer) => change({ answers: { ...answers, [key]: answer } })}
            />
          `
        }
        <div class="review-steps">
          ${reading && html`<${Reading} first=${first} />`}
          ${
            status === "failed" &&
            html`
              <${Failed}
                note=${note}
                first=${first}
                busy=${busy}
                problem=${problem}
                retry=${retry}
              />
            `
          }
          ${
            !reading &&
            status !== "failed" &&
            html`
              <div class="steps-head">
                <h2 class="section-head">
                  ${review ? t.stepsFound(rows.length) : t.stepsOf(rows.length)}
                </h2>
                <span class="secondary">${own().readBy(note.extracted_by)}</span>
              </div>
              ${
                note.failure === "too-many" &&
                html`<p class="notice">
                  <${Icon} name="info" />
                  <span>${own().failures["too-many"]}</span>
                </p>`
              }
              ${
                rows.length
                  ? html`
                    <${ReviewRows}
                      rows=${rows}
                      removed=${removed}
                      chosen=${chosen}
                      open=${open}
                      review=${review}
                      listRef=${list}
                      acts=${acts}
                    />
                  `
                  : html`<div class="card">
                    <p class="secondary">
                      ${
                        status === "rejected"
                          ? own().rejected
                          : openCount
                            ? own().stepsComeFromAnswers
                            : own().nothingToDo
                      }
                    </p>
                  </div>`
              }
              ${
                review &&
                open?.quote === undefined &&
                html`<p class="below">
                  <${Button}
                    kind="quiet"
                    size="small"
                    icon="plus"
                    onClick=${() => setOpen({ quote: null })}
                  >
                    ${own().addStep}
                  <//>
                </p>`
              }
              ${
                review &&
                open &&
                typeof open === "object" &&
                html`<div class="card editing editing-new">
                  <${StepForm}
                    isNew
                    step=${{
                      title: "",
                      detail: null,
                      kind: "plan",
                      schedule: null,
                      quote: open.quote,
                    }}
                    onCancel=${() => setOpen(null)}
                    onSave=${addStep}
                  />
                </div>`
              }
            `
          }
        </div>
        ${
          !reading &&
          (dropped.length > 0 || unmatched.length > 0) &&
          html`
            <${LeftOut}
              note=${note}
              first=${first}
              dropped=${dropped}
              unmatched=${unmatched}
              onAdd=${review ? (quote) => setOpen({ quote }) : null}
            />
          `
        }
        ${
          review &&
          html`
            <${Approval}
              ...${{ note, first, steps, kept, keep, others, openCount, busy, problem, next }}
              unread=${unread}
              onReadPlan=${loadOthers}
              onApprove=${approve}
              onReject=${() => ask("reject")}
            />
          `
        }
        ${
          status === "ready" &&
          html`<p class="review-approve withdraw">
            <button type="button" class="link link-alert" onClick=${() => ask("withdraw")}>
              ${own().withdraw}
            </button>
          </p>`
        }
        ${!review && status !== "failed" && html`<${ProblemLine} problem=${problem} />`}
      </div>
    </div>
    ${
      asking &&
      html`
        <${WithdrawOrReject}
          kind=${asking}
          note=${note}
          first=${first}
          onClose=${() => ask(null)}
          after=${after}
        />
      `
    }
  `;
}

function Reading({ first }) {
  return html`
    <h2 class="section-head">
      ${own().readingNow} <span class="secondary">${own().usually}</span>
    </h2>
    <div class="card rows reading" aria-busy="true">
      ${[1, 2, 3].map(
        (n) => html`<div class="row" key=${n}>
          <span class="disc disc-wait">${n}</span>
          <span class="row-words">
            <span class="bone bone-0"></span>
            <span class="bone bone-1"></span>
          </span>
        </div>`,
      )}
    </div>
    <p class="secondary below">${own().mayLeave(first)}</p>
  `;
}

function Failed({ note, first, busy, problem, retry }) {
  const again = PASSING.includes(note.failure) && Date.now() - Date.parse(note.created_at) < DAY_MS;
  const byModel = note.extracted_by && !RULES.includes(note.extracted_by);
  return html`
    <${Empty}
      sign="warning"
      tone="alert"
      title=${own().failedTitle}
      text=${t.failedText(t.failedWhy[note.failure], first, again)}
    >
      <div class="failed-options">
        <${Button} icon="retry" busy=${busy} onClick=${() => retry()}>${t.tryAgain}<//>
        ${
          byModel &&
          html`<${Button} kind="outline" disabled=${busy} onClick=${() => retry("local")}>
            ${own().readLocally}
          <//>`
        }
      </div>
      ${byModel && html`<p class="secondary">${own().readLocallyHint}</p>`}
      <${ProblemLine} problem=${problem} />
      <p><a href=${`#/patients/${note.patient.id}/write`}>${own().writeAnother}</a></p>
    <//>
  `;
}

function LeftOut({ note, first, dropped, unmatched, onAdd }) {
  return html`<section class="review-left">
    <div class="steps-head">
      <h2 class="section-head">${own().leftOut}</h2>
      <a class="with-icon" href=${`#/patients/${note.patient.id}/write`}>
        <${Icon} name="pencil" size=${16} />
        ${own().reword}
      </a>
    </div>
    <ul class="left-out">
      ${dropped.map(
        (d, i) => html`<li key=${`d${i}`}>
          <span class="tag tag-stopped">
            <${Icon} name="warning" size=${14} />${own().droppedTag}
          </span>
          <span class="row-words">
            <strong>${d.title}</strong>
            <span class="secondary">${own().droppedWhy(d.reason, d.words, first)}</span>
            ${d.quote && html`<q class="quoted">${d.quote}</q>`}
          </span>
          ${onAdd && html`<${AddButton} what=${d.title} onClick=${() => onAdd(d.quote || null)} />`}
        </li>`,
      )}
      ${unmatched.map(
        (u, i) => html`<li key=${`u${i}`}>
          <span class="tag tag-plain">${own().noStepTag}</span>
          <q class="quoted row-words">${u.quote}</q>
          ${onAdd && html`<${AddButton} what=${u.quote} onClick=${() => onAdd(u.quote)} />`}
        </li>`,
      )}
    </ul>
  </section>`;
}

const AddButton = ({ what, onClick }) => html`
  <button
    type="button"
    class="button button-quiet button-small"
    aria-label=${`${own().addStep}: ${what}`}
    onClick=${onClick}
  >
    <${Icon} name="plus" size=${16} />
    <span>${own().addStep}</span>
  </button>
`;

/** Earlier steps that the new plan would stop, each of which may run on beside it. */
function Keep({ stopped, first, keep, onChange }) {
  const all = stopped.every((s) => keep[s.id]);
  const everything = Object.fromEntries(stopped.map((s) => [s.id, !all]));
  return html`<fieldset class="keep">
    <legend>${own().keepLegend(first)}</legend>
    ${stopped.map(
      (s) => html`<label class="keep-line" key=${s.id}>
        <input
          type="checkbox"
          checked=${Boolean(keep[s.id])}
          onChange=${(e) => onChange({ ...keep, [s.id]: e.target.checked })}
        />
        <span>${s.title}</span>
      </label>`,
    )}
    ${
      stopped.length > 1 &&
      html`<button type="button" class="link" onClick=${() => onChange({ ...keep, ...everything })}>
        ${all ? own().keepNone : own().keepAll}
      </button>`
    }
  </fieldset>`;
}

function Approval({
  note,
  first,
  steps,
  kept,
  keep,
  others,
  unread,
  openCount,
  busy,
  problem,
  next,
  onReadPlan,
  onApprove,
  onReject,
}) {
  const replaced = (others?.length || 0) - keep.length;
  const closes = !kept.length && !steps.length;
  const says = openCount
    ? t.stillOpenSentence(openCount)
    : !others
      ? own().planComes
      : closes
        ? own().closes(first)
        : !kept.length
          ? own().allLeftOut
          : others.length
            ? t.replaces(replaced, keep.length)
            : own().startsPlan(first);
  const label = openCount
    ? t.answerFirst(openCount)
    : closes
      ? own().closeNote
      : t.approve(kept.length);
  return html`<div class="review-approve card approve">
    <p>
      <strong>${unread ? own().planFirst : says}</strong>
      ${
        unread &&
        html`<button type="button" class="link" onClick=${onReadPlan}>
          ${own().readPlanAgain}
        </button>`
      }
      <span class="secondary">
        ${
          !others?.length
            ? ""
            : openCount
              ? own().untilAnswered(first)
              : kept.length
                ? own().untilThen
                : ""
        }
      </span>
    </p>
    <${ProblemLine} problem=${problem} />
    <div class="approve-buttons">
      <button type="button" class="link link-alert" onClick=${onReject}>${own().rejectAll}</button>
      <${Button}
        kind="quiet"
        onClick=${() => go(next ? `/notes/${next.id}` : `/patients/${note.patient.id}`)}
      >
        ${next ? own().laterNext : own().decideLater}
      <//>
      <${Button}
        icon="tick"
        busy=${busy}
        disabled=${openCount > 0 || (!kept.length && !closes)}
        ...${others ? {} : { "aria-disabled": "true" }}
        onClick=${others ? onApprove : null}
      >
        ${label}
      <//>
    </div>
  </div>`;
}

const Next = ({ next }) => html`<p class="next-waiting">
  <a class="button button-outline" href=${`#/notes/${next.id}`}>
    <span>${own().nextWaiting(next.name)}</span>
    <${Icon} name="right" />
  </a>
  <span class="secondary">${t.stillWait(next.count)}</span>
</p>`;

function WithdrawOrReject({ kind, note, first, onClose, after }) {
  const withdraw = kind === "withdraw";
  const confirm = async (reason) => {
    const body = reason ? { body: { reason } } : {};
    const { data } = await call("POST", `notes/${note.id}/${kind}/`, body);
    if (!withdraw) dropDraft(note.id);
    onClose();
    await after(data);
    showSuccess(
      withdraw ? own().withdrawn : own().rejected,
      withdraw ? { text: t.leftNow(data.left, first) } : {},
    );
    soonFocus(() => document.querySelector("main h1"));
  };
  return html`<${ConfirmDialog}
    title=${withdraw ? own().withdrawTitle : own().rejectTitle}
    lead=${withdraw ? own().withdrawLead(first) : own().rejectLead(first)}
    button=${withdraw ? own().withdrawIt : own().rejectIt}
    kind="alert"
    reasonId=${withdraw && "withdraw-reason"}
    confirm=${confirm}
    onClose=${onClose}
  />`;
}
