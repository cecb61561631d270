// The result of a day as a shape: tick, slice, dash, slash, ring. The word is beside it or in its
// label.
import { html } from "../html.js";

/** What a day of the adherence list was: "done", "partly", "missed", "skipped", "none". */
export function dayState(day) {
  if (!day || !day.due) return "none";
  if (day.done >= day.due) return "done";
  if (day.done > 0) return "partly";
  return day.skipped >= day.due - (day.missed || 0) && day.skipped > 0 && !day.missed
    ? "skipped"
    : "missed";
}

function slice(share) {
  const angle = 2 * Math.PI * Math.min(0.999, Math.max(0, share));
  const x = (14 + 11 * Math.sin(angle)).toFixed(2);
  const y = (14 - 11 * Math.cos(angle)).toFixed(2);
  return `M14 14V3A11 11 0 ${share > 0.5 ? 1 : 0} 1 ${x} ${y}Z`;
}

export function DaySign({ state, share = 0.5, size = 28, label }) {
  const shape = {
    done: html`
      <circle class="sign-full" cx="14" cy="14" r="12" />
      <path class="sign-on" d="M8.5 14.5l4 3.8 7-8" />
    `,
    partly: html`
      <circle class="sign-ring" cx="14" cy="14" r="11.5" />
      <path class="sign-slice" d=${slice(share)} />
    `,
    missed: html`
      <circle class="sign-missed" cx="14" cy="14" r="11.5" stroke-dasharray="3.4 2.6" />
      <path class="sign-missed" d="M9.5 14h9" />
    `,
    skipped: html`
      <circle class="sign-plain" cx="14" cy="14" r="11.5" />
      <path class="sign-plain" d="M10.5 17.5l7-7" />
    `,
    come: html`<circle class="sign-plain" cx="14" cy="14" r="4.5" />`,
    due: html`
      <circle class="sign-due" cx="14" cy="14" r="12" />
      <path class="sign-due-hand" d="M14 8.5V14l3.5 2.5" />
    `,
    waiting: html`
      <circle class="sign-wait" cx="14" cy="14" r="12" />
      <path class="sign-wait-tick" d="M8.5 14.5l4 3.8 7-8" />
    `,
  }[state];
  return html`
    <svg
      class="day-sign"
      width=${size}
      height=${size}
      viewBox="0 0 28 28"
      role=${label ? "img" : null}
      aria-label=${label}
      aria-hidden=${label ? null : "true"}
      focusable="false"
    >
      ${shape}
    </svg>
  `;
}
