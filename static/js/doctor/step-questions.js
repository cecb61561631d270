// Questions of patients about a step: answered, or marked as seen.
import { html, useState } from "../html.js";
import { call } from "../api.js";
import { loadPatients } from "../data.js";
import { Button, Field, ProblemLine, useAct } from "../parts/controls.js";
import { when } from "../clock.js";
import { showSuccess } from "../messages.js";
import { state, redraw } from "../store.js";
import { t } from "../texts.js";

/** The open questions, the longest first; of one patient or of all. */
export const openQuestions = (patientId = null) =>
  (state.questions || [])
    .filter((q) => q.state === "open" && (!patientId || q.patient_id === patientId))
    .sort((a, b) => a.asked_at.localeCompare(b.asked_at));

export const StepQuestions = ({ questions, steps = [] }) => html`<ul class="asked-list">
  ${questions.map((q) => html`<${One} key=${q.id} question=${q} steps=${steps} />`)}
</ul>`;

function One({ question, steps }) {
  const [text, setText] = useState("");
  const { busy, problem, act } = useAct();
  const patient = (state.patients || []).find((p) => p.id === question.patient_id);
  const step = steps.find((s) => s.id === question.step_id);
  const settle = (how) =>
    act(async () => {
      const body = how === "answer" ? { body: { text } } : {};
      const { data } = await call("POST", `questions/${question.id}/${how}/`, body);
      state.questions = state.questions.map((q) => (q.id === data.id ? data : q));
      redraw();
      showSuccess(how === "answer" ? t.answerSent : t.markedSeen);
      loadPatients().catch(() => {
        /* the next look */
      });
    });
  const send = (event) => {
    event.preventDefault();
    if (text.trim()) settle("answer");
    else document.getElementById(`answer-${question.id}`).focus();
  };
  return html`<li class="asked-one">
    <p class="secondary">
      ${[step ? step.title : patient?.name, when(question.asked_at)].filter(Boolean).join(" · ")}
    </p>
    <p class="asked-words">“${question.text}”</p>
    <form onSubmit=${send} novalidate>
      <${Field}
        id=${`answer-${question.id}`}
        type="textarea"
        rows="2"
        maxlength="500"
        label=${t.answerLabel}
        value=${text}
        onInput=${setText}
      />
      <${ProblemLine} problem=${problem} />
      <div class="asked-buttons">
        <${Button} type="submit" size="small" busy=${busy}>${t.answerSend}<//>
        <${Button} kind="quiet" size="small" disabled=${busy} onClick=${() => settle("seen")}>
          ${t.markSeen}
          <span class="hidden">: ${question.text}</span>
        <//>
      </div>
    </form>
  </li>`;
}
