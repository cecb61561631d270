// Write a note. The draft stays in this window until it is sent.
import { html, useEffect, useRef, useState } from "../html.js";
import { call } from "../api.js";
import { draftFor, keepDraft } from "../device.js";
import { firstPatients, loadPlan } from "../data.js";
import { Button, Empty, Skeleton, ProblemLine, useAct } from "../parts/controls.js";
import { Icon } from "../parts/icon.js";
import { scheduleLine } from "../schedule-words.js";
import { go } from "../router.js";
import { state } from "../store.js";
import { t } from "../texts.js";
import { useShortcuts } from "./shortcuts.js";

const MOST = 20000;

export function Write({ id }) {
  const [text, setText] = useState(() => draftFor(id));
  const [steps, setSteps] = useState(null); // null: not known; false: could not be read
  const [empty, setEmpty] = useState(false);
  const { busy, problem, act } = useAct();
  const key = useRef(null);
  useEffect(() => {
    if (!state.patients)
      firstPatients().catch(() => {
        /* the name comes later */
      });
    loadPlan(id).then(setSteps, () => setSteps(false));
  }, [id]);
  useShortcuts({
    "ctrl+enter": () => !busy && document.querySelector("form.write")?.requestSubmit(),
  });
  const patient = (state.patients || []).find((p) => p.id === id);
  if (state.patients && !patient)
    return html`<${Empty} level=${1} sign="person" title=${t.notYours} text=${t.notYoursLead} />`;
  const length = [...text].length;
  const write = (value) => {
    setText(value);
    keepDraft(id, value);
    setEmpty(false);
    key.current = null;
  };
  const send = (event) => {
    event.preventDefault();
    if (!text.trim()) {
      setEmpty(true);
      document.getElementById("note").focus();
      return;
    }
    key.current =
      key.current || `note-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
    act(async () => {
      const { data } = await call("POST", "notes/", {
        body: { patient_id: id, text },
        key: key.current,
        timeoutMs: 20000,
      });
      keepDraft(id, "");
      state.noteById = { ...state.noteById, [data.id]: data };
      go(`/notes/${data.id}`);
    });
  };
  const name = patient?.name || "";
  return html`
    <a class="back" href=${`#/patients/${id}`}>
      <${Icon} name="left" />${name || t.pages.patients}
    </a>
    <div class="page-head">
      <h1 tabindex="-1" data-title=${t.writeNote}>${t.newNoteFor(name)}</h1>
    </div>
    <div class="write-split">
      <form class="card paper write" onSubmit=${send} novalidate>
        <div class="write-head">
          <label for="note">${t.yourNote}</label>
          <span class="secondary" id="note-count">${t.countOf(length, MOST)}</span>
        </div>
        <textarea
          id="note"
          class="note-input"
          rows="14"
          maxlength=${MOST}
          value=${text}
          onInput=${(e) => write(e.target.value)}
          aria-describedby="note-count note-help"
          aria-invalid=${empty ? "true" : null}
        ></textarea>
        ${
          empty &&
          html`<p class="field-error">
            <${Icon} name="warning" size=${18} />
            <span>${t.noteEmpty}</span>
          </p>`
        }
        <p class="secondary" id="note-help">${t.writeHelp(name.split(" ")[0])}</p>
        <${ProblemLine} problem=${problem} />
        <div class="write-buttons">
          <${Button} type="submit" busy=${busy}>${t.sendNote}<//>
          <a class="button button-quiet" href=${`#/patients/${id}`}>${t.keepDraft}</a>
        </div>
      </form>
      <section class="section">
        <h2 class="section-head">
          ${t.runningNow} ${steps && html`<span class="count">${steps.length}</span>`}
        </h2>
        <div class="card">
          ${
            steps?.length
              ? html`<ul class="plan-lines">
                ${steps.map(
                  (s) => html`<li key=${s.id}>
                    <span>${s.title}<span class="secondary block">${scheduleLine(s)}</span></span>
                  </li>`,
                )}
              </ul>`
              : steps
                ? html`<p class="secondary">${t.noPlanYet}</p>`
                : steps === false
                  ? html`<p class="secondary">${t.planUnread}</p>`
                  : html`<${Skeleton} rows=${2} />`
          }
        </div>
        <p class="secondary below">${t.runningLead}</p>
      </section>
    </div>
  `;
}
