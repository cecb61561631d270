// One note of the doctor's: while it is being read, the review of its steps, and what can still be done about it.
import { html, cx, useEffect, useMemo, useRef, useState } from "../html.js";
import { call } from "../api.js";
import { loadNote, loadPlan } from "../data.js";
import { changes, replacedBy } from "../changes.js";
import { Button, Dialog, Empty, Field, Skeleton, Wrong, said, useAct } from "../parts/controls.js";
import { Icon, Spinner } from "../parts/icon.js";
import { MarkedNote, calm } from "../parts/marked-note.js";
import { scheduleBody, scheduleLine } from "../schedule-words.js";
import { dateOf, fullDay, time, today } from "../clock.js";
import { go } from "../router.js";
import { sayGood } from "../messages.js";
import { state } from "../store.js";
import { t } from "../texts.js";
import { Differences } from "./differences.js";
import { StepForm } from "./step-form.js";

const READING = ["queued", "processing"];
const POLL_MS = 4000;
const DAY_MS = 86400000;
// Reasons that pass: the service takes such a note up again by itself, for a day.
const PASSING = ["rate-limited", "unavailable", "timeout", "unauthorized"];

export function NotePage({ id }) {
  const [problem, setProblem] = useState(null);
  const note = state.noteById[id];
  const listed = (state.notes || []).find((n) => n.id === id)?.status;
  useEffect(() => { loadNote(id).then(() => setProblem(null), setProblem); }, [id, listed]);
  // Without the live channel the page asks, until the note has been read.
  const reading = note && READING.includes(note.status);
  useEffect(() => {
    if (!reading) return undefined;
    const timer = setInterval(() => { if (state.connection !== "live" || Date.now() - Date.parse(note.created_at) > 10000) loadNote(id).catch(() => { /* asked again */ }); }, POLL_MS);
    return () => clearInterval(timer);
  }, [id, reading]);
  if (!note) return html`${problem ? html`<a class="back" href="#/notes"><${Icon} name="left" />${t.allNotes}</a><${Empty} level=${1} sign="note" title=${problem.absent ? t.noteGone : t.notNow} text=${problem.absent ? t.noteGoneDoctor : said(problem)} />` : html`<h1 class="hidden">${t.note}</h1><${Skeleton} />`}`;
  return html`<${Note} key=${id} note=${note} />`;
}

function Stages({ note }) {
  const { status } = note;
  const reading = READING.includes(status);
  const last = { proposed: t.stageApprove, failed: t.stageFailed, superseded: t.noteStatusDoctor.superseded, rejected: t.noteStatusDoctor.rejected, withdrawn: t.noteStatusDoctor.withdrawn }[status] || t.stageReady;
  const done = html`<${Icon} name="tick" size=${18} />`;
  return html`<ol class="stages" aria-label=${t.stages}><li class="stage stage-done">${done}${t.stageSaved}</li>
    <li class=${cx("stage", reading ? "stage-now" : status === "failed" ? "stage-wrong" : "stage-done")}>${reading ? html`<${Spinner} size=${18} />` : status === "failed" ? html`<${Icon} name="warning" size=${18} />` : done}${t.stageReading}</li>
    <li class=${cx("stage", status === "ready" ? "stage-done" : reading ? "stage-come" : status === "proposed" ? "stage-now" : "stage-come")} aria-current=${reading ? null : "step"}>${status === "ready" ? done : html`<span class="stage-dot"></span>`}${last}</li></ol>`;
}

const draft = (step) => ({ id: step.id, key: step.id, title: step.title, detail: step.detail, schedule: step.schedule, kind: step.kind, as_needed: step.as_needed, quote: step.quote, by: step.by, status: step.status });

function Note({ note }) {
  const { status } = note;
  const reading = READING.includes(status);
  const review = status === "proposed";
  const name = note.patient?.name || "";
  const first = name.split(" ")[0] || name;
  const [edits, setEdits] = useState({});
  const [removed, setRemoved] = useState({});
  const [added, setAdded] = useState([]);
  const [open, setOpen] = useState(null);          // the key of the step being edited, or {quote} for a new one
  const [chosen, choose] = useState(null);
  const [asking, ask] = useState(null);
  const [others, setOthers] = useState(null);
  const { busy, problem, act } = useAct();
  const list = useRef(null);

  useEffect(() => {
    if (!note.patient?.id || reading) return;
    loadPlan(note.patient.id, review ? "active" : "all").then((steps) => setOthers(review ? steps.filter((s) => s.note_id !== note.id) : replacedBy(note.id, steps)), () => setOthers(null));
  }, [note.id, status]);

  const steps = (note.steps || []).filter((s) => (review ? s.status === "proposed" : s.status !== "rejected")).map(draft);
  const original = (stepId) => steps.find((s) => s.id === stepId);
  const rows = [...steps.map((s) => (edits[s.key] ? { ...s, ...edits[s.key], edited: true } : s)), ...added];
  const kept = rows.filter((s) => !removed[s.key]);
  const marked = rows.map((step, i) => ({ step, number: i + 1 })).filter(({ step }) => step.quote && !removed[step.key]);
  const dropped = (note.dropped || []).map((d) => ({ ...(d.item || d), reason: d.reason, words: d.detail && d.item ? d.detail : null }));
  const unmatched = note.unmatched || [];
  const what = useMemo(() => (others && kept.length ? changes(others, kept) : null), [others, edits, removed, added, note.steps]);
  const changed = Object.keys(edits).length > 0 || Object.values(removed).some(Boolean) || added.length > 0;
  const pick = (key) => { choose(key); list.current?.querySelector(`[data-step="${CSS.escape(key)}"]`)?.scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" }); };

  const after = (data) => { state.noteById = { ...state.noteById, [note.id]: { ...note, ...data } }; return loadNote(note.id); };
  const approve = () => act(async () => {
    const body = changed ? { steps: kept.map((s) => {
      const words = { title: s.title, detail: s.detail || null };
      const schedule = s.schedule && s.schedule !== original(s.id)?.schedule ? { schedule: scheduleBody(s.schedule, dateOf(note.created_at)) } : {};
      if (!s.id) return { kind: s.schedule ? "plan" : "checklist", ...words, ...schedule };
      return s.edited ? { id: s.id, ...words, ...schedule } : { id: s.id };
    }) } : {};
    const { data } = await call("POST", `notes/${note.id}/approve/`, { body, key: `approve-${note.id}-${kept.length}-${Date.now().toString(36)}` });
    setEdits({}); setRemoved({}); setAdded([]); setOpen(null);
    await after(data);
    sayGood(t.approved(kept.length, first));
  });
  const retry = () => act(async () => { const { data } = await call("POST", `notes/${note.id}/retry/`, { key: `retry-${note.id}-${Date.now().toString(36)}` }); await after(data); });

  const isToday = dateOf(note.created_at) === today();
  const noteCard = html`<section class="card paper note-card"><div class="write-head"><h2>${t.yourNote}</h2><span class="secondary">${t.lengthOf([...(note.text || "")].length)} · ${isToday ? t.sentAt(time(note.created_at)) : fullDay(dateOf(note.created_at))}</span></div>
    <${MarkedNote} text=${note.text || ""} steps=${marked} dropped=${dropped} unmatched=${unmatched} chosen=${chosen} onChoose=${pick} />
    ${!reading && marked.length + dropped.length + unmatched.length > 0 && html`<p class="legend-line secondary">${marked.length > 0 && html`<span><mark class="mark-sample">${t.legendMarked}</mark> ${t.legendMarkedWords}</span>`}${dropped.length > 0 && html`<span><span class="mark-dropped">${t.legendDashed}</span> ${t.legendDropped}</span>`}${unmatched.length > 0 && html`<span><span class="mark-none">${t.legendDotted}</span> ${t.legendNone}</span>`}</p>`}</section>`;
  const diffCard = what && html`<section class="card diff-card"><h2 class="section-head">${review ? t.whatChangesFor(first) : t.whatChangedFor(first)}</h2><${Differences} what=${what} /></section>`;

  return html`<a class="back" href=${note.patient?.id ? `#/patients/${note.patient.id}` : "#/notes"}><${Icon} name="left" />${name || t.allNotes}</a>
    <div class="note-head"><div class="page-head"><h1 tabindex="-1" data-title=${t.note}>${isToday ? t.newNoteFor(name) : t.noteFor(name)}</h1></div><${Stages} note=${note} /></div>
    <p class="hidden" role="status">${t.stageSpoken(status, kept.length)}</p>
    <div class="review"><div class="review-side">
      <div class="review-note">${noteCard}</div>
      <div class="review-diff">${diffCard}</div>
      </div><div class="review-side">
      <div class="review-steps">
        ${reading && html`<h2 class="section-head">${t.readingNow} <span class="secondary">${t.usually}</span></h2><div class="card rows reading" aria-busy="true">${[1, 2, 3].map((n) => html`<div class="row" key=${n}><span class="disc disc-wait">${n}</span><span class="row-words"><span class="bone bone-0"></span><span class="bone bone-1"></span></span></div>`)}</div><p class="secondary below">${t.mayLeave(first)}</p>`}
        ${status === "failed" && html`<${Empty} sign="warning" tone="alert" title=${t.failedTitle} text=${t.failedText(t.failedWhy[note.failure], first, PASSING.includes(note.failure) && Date.now() - Date.parse(note.created_at) < DAY_MS)}><${Button} icon="retry" busy=${busy} onClick=${retry}>${t.tryAgain}<//><${Wrong} problem=${problem} /><p><a href=${`#/patients/${note.patient.id}/write`}>${t.writeAnother}</a></p><//>`}
        ${!reading && status !== "failed" && html`
          <div class="steps-head"><h2 class="section-head">${review ? t.stepsFound(rows.length) : t.stepsOf(rows.length)}</h2><span class="secondary">${t.readBy(note.extracted_by)}</span></div>
          ${note.failure === "too-many" && html`<p class="notice"><${Icon} name="info" /><span>${t.failures["too-many"]}</span></p>`}
          ${rows.length ? html`<ol class="card rows review-rows" ref=${list}>${rows.map((step, i) => open === step.key
            ? html`<li class="editing" key=${step.key} data-step=${step.key}><span class="disc">${i + 1}</span><${StepForm} step=${step} onCancel=${() => setOpen(null)} onSave=${(change) => { if (step.id) setEdits({ ...edits, [step.key]: change }); else setAdded(added.map((a) => (a.key === step.key ? { ...a, ...change } : a))); setOpen(null); }} /></li>`
            : html`<li class=${cx("row review-row", removed[step.key] && "row-removed", chosen === step.key && "row-chosen")} key=${step.key} data-step=${step.key}><span class="disc">${i + 1}</span>
              <button type="button" class="row-plain" aria-pressed=${chosen === step.key ? "true" : "false"} onClick=${() => pick(step.key)}><strong>${step.title}</strong><span class="secondary">${removed[step.key] ? t.willBeLeftOut : scheduleLine(step)}${step.edited || !step.id ? ` · ${step.id ? t.edited : t.addedByYou}` : ""}</span></button>
              ${!review && step.status !== "active" && html`<span class="chip">${t.stepStatus[step.status]}</span>`}
              ${review && (removed[step.key] ? html`<${Button} kind="quiet" size="small" onClick=${() => setRemoved({ ...removed, [step.key]: false })}>${t.putBack}<span class="hidden">: ${step.title}</span><//>`
                : html`<button type="button" class="icon-button" aria-label=${t.editOne(step.title)} onClick=${() => { setOpen(step.key); choose(step.key); }}><${Icon} name="pencil" /></button><button type="button" class="icon-button" aria-label=${t.leaveOutOne(step.title)} onClick=${() => { if (step.id) setRemoved({ ...removed, [step.key]: true }); else setAdded(added.filter((a) => a.key !== step.key)); }}><${Icon} name="cross" /></button>`)}</li>`)}</ol>`
            : html`<div class="card"><p class="secondary">${t.nothingToDo}</p></div>`}
          ${review && open?.quote === undefined && html`<p class="below"><${Button} kind="quiet" size="small" icon="plus" onClick=${() => setOpen({ quote: null })}>${t.addStep}<//></p>`}
          ${review && open && typeof open === "object" && html`<div class="card editing editing-new"><${StepForm} step=${{ title: "", detail: null, kind: "plan", schedule: null, quote: open.quote }} isNew onCancel=${() => setOpen(null)} onSave=${(change) => { setAdded([...added, { key: `new-${added.length}-${Date.now()}`, by: "doctor", as_needed: false, kind: change.schedule ? "plan" : "checklist", quote: open.quote, ...change }]); setOpen(null); }} /></div>`}`}
      </div>
      ${!reading && (dropped.length > 0 || unmatched.length > 0) && html`<section class="review-left"><div class="steps-head"><h2 class="section-head">${t.leftOut}</h2><a class="with-icon" href=${`#/patients/${note.patient.id}/write`}><${Icon} name="pencil" size=${16} />${t.reword}</a></div><ul class="left-out">
        ${dropped.map((d, i) => html`<li key=${`d${i}`}><span class="tag tag-stopped"><${Icon} name="warning" size=${14} />${t.droppedTag}</span><span class="row-words"><strong>${d.title}</strong><span class="secondary">${t.droppedWhy(d.reason, d.words, first)}</span>${d.quote && html`<q class="quoted">${d.quote}</q>`}</span>${review && html`<${AddButton} what=${d.title} onClick=${() => setOpen({ quote: d.quote || null })} />`}</li>`)}
        ${unmatched.map((u, i) => html`<li key=${`u${i}`}><span class="tag tag-plain">${t.noStepTag}</span><q class="quoted row-words">${u.quote}</q>${review && html`<${AddButton} what=${u.quote} onClick=${() => setOpen({ quote: u.quote })} />`}</li>`)}</ul></section>`}
      ${review && html`<div class="review-approve card approve"><p><strong>${others?.length ? t.replaces(others.length) : t.startsPlan(first)}</strong><span class="secondary">${others?.length ? t.untilThen : ""}</span></p><${Wrong} problem=${problem} />
        <div class="approve-buttons"><button type="button" class="link link-alert" onClick=${() => ask("reject")}>${t.rejectAll}</button><${Button} kind="quiet" onClick=${() => go(`/patients/${note.patient.id}`)}>${t.decideLater}<//><${Button} icon="tick" busy=${busy} disabled=${!kept.length} onClick=${approve}>${t.approve(kept.length)}<//></div></div>`}
      ${status === "ready" && html`<p class="review-approve withdraw"><button type="button" class="link link-alert" onClick=${() => ask("withdraw")}>${t.withdraw}</button></p>`}
      ${!review && status !== "failed" && html`<${Wrong} problem=${problem} />`}
    </div></div>
    ${asking && html`<${Take} kind=${asking} note=${note} first=${first} onClose=${() => ask(null)} after=${after} />`}`;
}

const AddButton = ({ what, onClick }) => html`<button type="button" class="button button-quiet button-small" aria-label=${`${t.addStep}: ${what}`} onClick=${onClick}><${Icon} name="plus" size=${16} /><span>${t.addStep}</span></button>`;

function Take({ kind, note, first, onClose, after }) {
  const [reason, setReason] = useState("");
  const { busy, problem, act } = useAct();
  const withdraw = kind === "withdraw";
  const take = () => act(async () => { const { data } = await call("POST", `notes/${note.id}/${kind}/`, withdraw && reason.trim() ? { body: { reason: reason.trim() } } : {}); onClose(); await after(data); sayGood(withdraw ? t.withdrawn : t.rejected); });
  return html`<${Dialog} title=${withdraw ? t.withdrawTitle : t.rejectTitle} onClose=${onClose}><p class="secondary">${withdraw ? t.withdrawLead(first) : t.rejectLead(first)}</p>
    ${withdraw && html`<${Field} id="withdraw-reason" label=${t.reasonOptional} value=${reason} maxlength="200" onInput=${setReason} />`}<${Wrong} problem=${problem} />
    <div class="dialog-buttons"><${Button} kind="alert" busy=${busy} onClick=${take}>${withdraw ? t.withdrawIt : t.rejectIt}<//><${Button} kind="quiet" onClick=${onClose}>${t.goBack}<//></div><//>`;
}
