// How each medicine was answered over 30 or 90 days: by day and hour, with the reasons, and as a
// table.
import { html, useEffect, useState } from "../html.js";
import { get } from "../api.js";
import { datesUpTo, hourLines, tally } from "../answer-grid.js";
import { clockTime, shortDay, when } from "../clock.js";
import { Skeleton } from "../parts/controls.js";
import { t } from "../texts.js";
import { words } from "./words.js";

const PERIODS = [30, 90];
const MOST_REASONS = 3;
const [STEP, HEIGHT] = [10, 22];

/** `last` is the patient's own date of today. */
export function Pictures({ id, last, again }) {
  const [days, setDays] = useState(PERIODS[0]);
  const [steps, setSteps] = useState(undefined);
  useEffect(() => {
    let gone = false;
    get(`adherence/steps/?patient_id=${id}&days=${PERIODS.at(-1)}`).then(
      ({ data }) => !gone && setSteps(data.items),
      () => !gone && setSteps((was) => was || null),
    );
    return () => {
      gone = true;
    };
  }, [id, again]);
  const own = words();
  const dates = datesUpTo(last, days);
  const shown = (steps || [])
    .map((step) => ({ ...step, slots: step.slots.filter((slot) => slot.date >= dates[0]) }))
    .filter((step) => step.slots.length)
    .sort((a, b) => (a.status === "active" ? 0 : 1) - (b.status === "active" ? 0 : 1));
  return html`<section class="card pictures" aria-labelledby="pictures-head">
    <div class="pictures-top">
      <div>
        <h2 class="section-head" id="pictures-head">${own.answersHead}</h2>
        <p class="secondary">${own.answersLead}</p>
      </div>
      <div class="pictures-period" role="group" aria-label=${own.period}>
        ${PERIODS.map(
          (n) => html`
            <button
              type="button"
              key=${n}
              class="button button-quiet button-small"
              aria-pressed=${days === n ? "true" : "false"}
              onClick=${() => setDays(n)}
            >
              ${own.days[n]}
            </button>
          `,
        )}
      </div>
    </div>
    <${Key} />
    ${
      steps === undefined
        ? html`<${Skeleton} />`
        : steps === null
          ? html`<p class="secondary">${own.answersNotNow}</p>`
          : !shown.length
            ? html`<p class="secondary">${own.noAnswersYet}</p>`
            : shown.map((step) => html`<${Step} key=${step.step_id} step=${step} dates=${dates} />`)
    }
  </section>`;
}

const Key = () => html`<p class="pictures-key secondary" aria-hidden="true">
  ${["done", "partly", "skipped", "missed"].map(
    (state) => html`<span key=${state}>
      <svg class="grid-key" width=${STEP} height=${HEIGHT} focusable="false">
        <${Mark} state=${state} x=${0} />
      </svg>
      ${words().states[state]}
    </span>`,
  )}
</p>`;

// Full, half, a stroke through, a low box: told apart without colour.
function Mark({ state, x }) {
  const left = x + 1.5;
  if (state === "none")
    return html`<rect class="spark-none" x=${x + 4} y=${HEIGHT - 4} width="2" height="2" />`;
  if (state === "done")
    return html`
      <rect class="spark-done" x=${left} y="2" width="7" height=${HEIGHT - 4} rx="1.5" />
    `;
  if (state === "partly")
    return html`<rect class="spark-partly" x=${left} y="9" width="7" height="11" rx="1.5" />`;
  if (state === "skipped")
    return html`<path class="grid-skipped" d=${`M${x + 2} ${HEIGHT - 4}L${x + 8} 4`} />`;
  return html`<rect class="grid-missed" x=${left + 0.5} y="13" width="6" height="6" rx="1" />`;
}

function Step({ step, dates }) {
  const [open, setOpen] = useState(false);
  const own = words();
  const { due, done, skipped, missed } = tally(step.slots);
  const share = t.percent(done / due);
  const reasons = step.slots.filter((slot) => slot.reason).reverse();
  const width = dates.length * STEP;
  return html`<article class="picture">
    <h3>
      <span>
        ${step.title}
        ${
          step.status !== "active" &&
          html` <span class="tag tag-plain">${own.stepEnded[step.status]}</span>`
        }
      </span>
      <strong class="num">${share}</strong>
    </h3>
    <p class="hidden">${own.stepWords(step.title, share, done, due, skipped, missed)}</p>
    <p class="secondary" aria-hidden="true">${own.counts(done, skipped, missed)}</p>
    <div class="grid-lines" aria-hidden="true">
      ${hourLines(step.slots, dates).map(
        (line) => html`<div class="grid-line" key=${line.hour}>
          <span class="grid-time">
            ${line.time ? clockTime(line.time) : own.hourLine(line.hour)}
          </span>
          <svg
            class="grid"
            viewBox=${`0 0 ${width} ${HEIGHT}`}
            preserveAspectRatio="none"
            height=${HEIGHT}
            focusable="false"
          >
            ${line.marks.map((state, i) => html`<${Mark} key=${i} state=${state} x=${i * STEP} />`)}
          </svg>
          <span class="grid-kept num">${own.doneOf(line.done, line.due)}</span>
        </div>`,
      )}
      <div class="grid-line grid-ends secondary">
        <span class="grid-time"></span>
        <span class="ends"><span>${shortDay(dates[0])}</span><span>${t.todayWord}</span></span>
        <span class="grid-kept"></span>
      </div>
    </div>
    ${
      reasons.length > 0 &&
      html`<div class="picture-said">
        <h4>${own.reasonsHead}</h4>
        <ul>
          ${reasons.slice(0, MOST_REASONS).map(
            (slot) => html`<li key=${slot.slot}>
              <q>${slot.reason}</q>
              <span class="secondary"> ${when(slot.slot)}</span>
            </li>`,
          )}
        </ul>
        ${
          reasons.length > MOST_REASONS &&
          html`<p class="secondary">${own.moreReasons(reasons.length - MOST_REASONS)}</p>`
        }
      </div>`
    }
    <details class="picture-table" onToggle=${(e) => setOpen(e.target.open)}>
      <summary>${own.asTable}<span class="hidden">: ${step.title}</span></summary>
      ${open && html`<${Table} step=${step} />`}
    </details>
  </article>`;
}

function Table({ step }) {
  const own = words();
  return html`<div class="table-box" tabindex="0" role="region" aria-label=${step.title}>
    <table class="answers">
      <caption class="hidden">${step.title}</caption>
      <thead>
        <tr>
          <th scope="col">${own.colDate}</th>
          <th scope="col">${own.colTime}</th>
          <th scope="col">${own.colAnswer}</th>
          <th scope="col">${own.colReason}</th>
        </tr>
      </thead>
      <tbody>
        ${[...step.slots].reverse().map(
          (slot) => html`<tr key=${slot.slot}>
            <th scope="row">${shortDay(slot.date)}</th>
            <td>${clockTime(slot.time)}</td>
            <td>${own.states[slot.state]}</td>
            <td>${slot.reason || ""}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
