// A short question to the doctor about a step, and its answer. Not for urgent matters.
import { html, useEffect, useState } from "../html.js";
import { call } from "../api.js";
import { loadQuestions } from "../data.js";
import { Button, Field, ProblemLine, useAct } from "../parts/controls.js";
import { when } from "../clock.js";
import { state, redraw } from "../store.js";
import { t } from "../texts.js";
import { doctorName } from "./rows.js";

const MOST = 500;

export function Ask({ step }) {
  const [text, setText] = useState("");
  const { busy, problem, act } = useAct();
  useEffect(() => {
    loadQuestions("all").catch(() => {
      /* what was asked comes with the next event */
    });
  }, []);
  const asked = (state.questions || []).filter((q) => q.step_id === step.id);
  const doctor = doctorName(step);
  const send = (event) => {
    event.preventDefault();
    if (!text.trim()) {
      document.getElementById("ask").focus();
      return;
    }
    act(async () => {
      const { data } = await call("POST", "questions/", { body: { step_id: step.id, text } });
      state.questions = [data, ...(state.questions || []).filter((q) => q.id !== data.id)];
      setText("");
      redraw();
    });
  };
  const became = (q) =>
    q.state === "answered"
      ? t.askAnswered(doctor, when(q.settled_at))
      : q.state === "seen"
        ? t.seenBy(doctor, when(q.settled_at))
        : q.state === "closed"
          ? t.notAnswered
          : t.waitsForAnswer;
  if (!state.assignment && !asked.length) return null;
  return html`<section class="section">
    <h2 class="section-head">${t.askHead}</h2>
    <div class="card ask">
      ${
        asked.length > 0 &&
        html`<ul class="asked">
          ${asked.map(
            (q) => html`<li key=${q.id}>
              <p class="asked-words">“${q.text}”</p>
              <p class="secondary">${t.askedAt(when(q.asked_at))} · ${became(q)}</p>
              ${q.answer && html`<p class="asked-answer">${q.answer}</p>`}
            </li>`,
          )}
        </ul>`
      }
      ${
        state.assignment &&
        step.status === "active" &&
        html`<form onSubmit=${send} novalidate>
          <${Field}
            id="ask"
            type="textarea"
            rows="3"
            maxlength=${MOST}
            label=${t.askLabel}
            hint=${t.askHint}
            value=${text}
            onInput=${setText}
          />
          <p class="urgent">${t.askUrgent}</p>
          <${ProblemLine} problem=${problem} />
          <${Button} type="submit" kind="outline" busy=${busy}>${t.askSend(doctor)}<//>
        </form>`
      }
    </div>
  </section>`;
}
