// The legend of a note's marks: those that occur in it.
import { html } from "../html.js";
import { t } from "../texts.js";

export function Legend({ steps, questions, dropped, unmatched, account }) {
  const has = (fate) => account.some((one) => one.as === fate);
  const entries = [
    steps.length > 0 && [
      "step",
      html`<mark class="mark-sample">${t.legendMarked}</mark>`,
      t.legendMarkedWords,
    ],
    questions.some((q) => q.open) && [
      "question",
      html`<span class="mark-question">${t.legendDouble}</span>`,
      t.legendQuestion,
    ],
    questions.some((q) => !q.open) && [
      "answered",
      html`<span class="mark-answered">${t.legendThin}</span>`,
      t.legendAsked,
    ],
    has("clinic") && [
      "clinic",
      html`<span class="as-clinic">${t.legendBoxed}</span>`,
      t.legendClinic,
    ],
    dropped.length > 0 && [
      "dropped",
      html`<span class="mark-dropped">${t.legendDashed}</span>`,
      t.legendDropped,
    ],
    unmatched.length > 0 && [
      "none",
      html`<span class="mark-none">${t.legendDotted}</span>`,
      t.legendNone,
    ],
    has("nothing") && [
      "nothing",
      html`<span class="as-nothing">${t.legendPlain}</span>`,
      t.legendNothing,
    ],
  ].filter(Boolean);
  if (!entries.length) return null;
  return html`<ul class="legend-line secondary" aria-label=${t.legendName}>
    ${entries.map(([key, sample, words]) => html`<li key=${key}>${sample} ${words}</li>`)}
  </ul>`;
}
