// The questions of a note: the sentence, what is open, ready answers. An answered one can be
// changed.
import { html, cx, useEffect, useRef, useState } from "../html.js";
import { Icon } from "../parts/icon.js";
import { dateOf } from "../clock.js";
import { t } from "../texts.js";
import { answerLine, stepOf } from "./answers.js";
import { StepForm } from "./step-form.js";

/** The questions of a note with a key and a number each. */
export const questionsOf = (note) =>
  (note.questions || []).map((question, i) => ({
    ...question,
    key: `${question.question}-${question.start}-${i}`,
    number: i + 1,
  }));

export function Questions({ note, questions, answers, onAnswer, chosen, onChoose }) {
  const open = questions.filter((q) => !answers[q.key]).length;
  return html`<section class="review-questions" aria-labelledby="questions-head">
    <div class="steps-head">
      <h2 class="section-head" id="questions-head" tabindex="-1">
        ${t.questionsHead(questions.length)}
      </h2>
      <span class=${cx("tag", open ? "tag-wait" : "tag-new")} role="status">
        ${!open && html`<${Icon} name="tick" size=${14} />`}
        ${open ? t.stillOpen(open) : t.allAnswered}
      </span>
    </div>
    <ol class="question-cards">
      ${questions.map(
        (question) => html`
          <${Question}
            key=${question.key}
            note=${note}
            question=${question}
            answer=${answers[question.key]}
            chosen=${chosen === question.key}
            onChoose=${onChoose}
            onAnswer=${(answer) => onAnswer(question.key, answer)}
          />
        `,
      )}
    </ol>
  </section>`;
}

/** After an answer the next open question has the focus, or the way on when there is none. */
function goOn(card) {
  requestAnimationFrame(() => {
    const cards = [...document.querySelectorAll(".question:not(.question-done)")];
    const next = cards.find((one) => card && one.compareDocumentPosition(card) & 2) || cards[0];
    const target =
      next?.querySelector(".question-text") ||
      document.querySelector(".approve .button-main:not(:disabled)") ||
      card?.querySelector("button");
    target?.focus({ preventScroll: true });
    (next || target)?.scrollIntoView({ block: "nearest" });
  });
}

const focusIn = (card, selector) =>
  requestAnimationFrame(() =>
    card.current?.querySelector(selector)?.focus({ preventScroll: true }),
  );

function Question({ note, question, answer, chosen, onAnswer, onChoose }) {
  const [changing, change] = useState(false);
  const [writing, write] = useState(false);
  const card = useRef(null);
  const first = useRef(true);
  const noteDate = dateOf(note.created_at);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    if (changing) card.current?.querySelector(".question-answers button")?.focus();
  }, [changing]);
  const name = `question-${question.number}`;
  const take = (given) => {
    change(false);
    write(false);
    onAnswer(given);
    goOn(card.current);
  };
  const back = () => {
    change(false);
    focusIn(card, ".button-small");
  };
  const done = answer && !changing && !writing;
  const head = html`
    <button
      type="button"
      class="disc disc-ask"
      onClick=${() => onChoose(question.key)}
      aria-label=${t.showQuestion(question.number)}
    >
      ${done ? html`<${Icon} name="tick" size=${14} />` : "?"}
    </button>
  `;
  if (done) {
    return html`<li class="card question question-done" ref=${card} data-question=${question.key}>
      ${head}
      <div class="row-words">
        <span class="secondary">${question.text}</span>
        <strong>${answer.pick === "nothing" ? t.nothingToDoAnswer : answer.step.title}</strong>
        ${answer.step && html`<span class="secondary">${answerLine(answer.step)}</span>`}
      </div>
      <button
        type="button"
        class="button button-quiet button-small"
        aria-label=${t.changeAnswer(question.number)}
        onClick=${() => change(true)}
      >
        ${t.change}
      </button>
    </li>`;
  }
  const options = question.options || [];
  const prefilled =
    answer?.step ||
    (options[0]
      ? stepOf(options[0], noteDate)
      : { title: "", detail: null, schedule: null, kind: "checklist" });
  const saved = (given) =>
    take({
      pick: "own",
      step: {
        ...prefilled,
        ...given,
        kind: given.schedule ? "plan" : "checklist",
        rescheduled: given.schedule !== prefilled.schedule,
      },
    });
  return html`
    <li
      class=${cx("card question", chosen && "question-chosen")}
      ref=${card}
      data-question=${question.key}
    >
      ${head}
      <div class="question-body">
        <span class="tag tag-changed">
          ${t.questionKinds[question.question] || t.questionKinds.other}
        </span>
        <h3 class="question-text" id=${name} tabindex="-1">${question.text}</h3>
        <blockquote class="quoted-block">“${question.quote}”</blockquote>
        ${
          writing
            ? html`
              <${StepForm}
                isNew
                step=${{ ...prefilled, key: question.key }}
                onSave=${saved}
                onCancel=${() => {
                  write(false);
                  if (answer) back();
                  else focusIn(card, ".answer-button");
                }}
              />
            `
            : html`<div class="question-answers" role="group" aria-labelledby=${name}>
              ${options.map(
                (option, i) => html`
                  <button
                    key=${i}
                    type="button"
                    class="answer-button"
                    aria-pressed=${answer?.pick === i ? "true" : "false"}
                    onClick=${() => take({ pick: i, step: stepOf(option, noteDate) })}
                  >
                    <span class="answer-sign" aria-hidden="true"></span>
                    <span>
                      ${option.label}
                      ${
                        option.item.title !== option.label &&
                        html`<span class="secondary block">${option.item.title}</span>`
                      }
                    </span>
                  </button>
                `,
              )}
              <button
                type="button"
                class="answer-button"
                aria-pressed=${answer?.pick === "own" ? "true" : "false"}
                onClick=${() => write(true)}
              >
                <${Icon} name="pencil" size=${16} />
                <span>${t.somethingElse}</span>
              </button>
              <button
                type="button"
                class="answer-button"
                aria-pressed=${answer?.pick === "nothing" ? "true" : "false"}
                onClick=${() => take({ pick: "nothing" })}
              >
                <${Icon} name="cross" size=${16} />
                <span>${t.nothingToDoAnswer}</span>
              </button>
            </div>`
        }
        ${
          changing &&
          !writing &&
          html`<button type="button" class="link" onClick=${back}>${t.goBack}</button>`
        }
      </div>
    </li>
  `;
}
