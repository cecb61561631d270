// The steps of a note in a review: chosen, edited in their row, left out, put back.
import { html, cx } from "../html.js";
import { Button } from "../parts/controls.js";
import { Icon } from "../parts/icon.js";
import { scheduleLine } from "../schedule-words.js";
import { t } from "../texts.js";
import { answerLine } from "./answers.js";
import { StepForm } from "./step-form.js";
import { words as own } from "./words.js";

const lineOf = (step) => (step.item && !step.rescheduled ? answerLine(step) : scheduleLine(step));
const originOf = (step) =>
  step.question ? t.answeredByYou : step.id ? (step.edited ? t.edited : null) : t.addedByYou;

export function ReviewRows({ rows, removed, chosen, open, review, listRef, acts }) {
  return html`<ol class="card rows review-rows" ref=${listRef}>
    ${rows.map((step, i) =>
      open === step.key
        ? html`<li class="editing" key=${step.key} data-step=${step.key}>
          <span class="disc">${i + 1}</span>
          <${StepForm}
            step=${step}
            onCancel=${() => acts.close(step.key)}
            onSave=${(change) => acts.save(step, change)}
          />
        </li>`
        : html`
          <${Row}
            key=${step.key}
            number=${i + 1}
            step=${step}
            gone=${removed[step.key]}
            chosen=${chosen === step.key}
            review=${review}
            acts=${acts}
          />
        `,
    )}
  </ol>`;
}

function Row({ step, number, gone, chosen, review, acts }) {
  const line = [gone ? t.willBeLeftOut : lineOf(step), originOf(step)].filter(Boolean).join(" · ");
  return html`
    <li
      class=${cx("row review-row", gone && "row-removed", chosen && "row-chosen")}
      data-step=${step.key}
    >
      <span class="disc">${number}</span>
      <button
        type="button"
        class="row-plain"
        aria-pressed=${chosen ? "true" : "false"}
        onClick=${() => acts.pick(step.key)}
      >
        <strong>${step.title}</strong>
        <span class="secondary">${line}</span>
      </button>
      ${
        !review &&
        step.status !== "active" &&
        html`<span class="chip">${own().stepStates[step.status]}</span>`
      }
      ${
        review &&
        (gone
          ? html`<${Button} kind="quiet" size="small" onClick=${() => acts.putBack(step)}>
            ${t.putBack}
            <span class="hidden">: ${step.title}</span>
          <//>`
          : html`
            <button
              type="button"
              class="icon-button"
              aria-label=${t.editOne(step.title)}
              onClick=${() => acts.edit(step.key)}
            >
              <${Icon} name="pencil" />
            </button>
            <button
              type="button"
              class="icon-button"
              aria-label=${t.leaveOutOne(step.title)}
              onClick=${() => acts.leaveOut(step)}
            >
              <${Icon} name="cross" />
            </button>
          `)
      }
    </li>
  `;
}
