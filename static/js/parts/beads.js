// A course as beads, one a day; above ten days a bar. The sentence beside it says the same in
// words.
import { html, cx } from "../html.js";
import { t } from "../texts.js";
import { Icon } from "./icon.js";

const MOST_BEADS = 10;

export function Beads({ course }) {
  if (course.days.length > MOST_BEADS) return html`<${Bar} course=${course} />`;
  return html`<span class="beads" aria-hidden="true">
    ${course.days.map(
      (day) => html`
        <span
          key=${day.number}
          class=${cx(
            "bead",
            `bead-${day.state}`,
            day.added && day.state === "come" && "bead-added",
          )}
        >
          ${
            day.state === "done"
              ? html`<${Icon} name="tick" size=${14} />`
              : day.state === "missed"
                ? html`<${Icon} name="minus" size=${14} />`
                : day.state === "skipped"
                  ? "/"
                  : day.added && day.state === "come"
                    ? `+${day.added}`
                    : day.number
          }
        </span>
      `,
    )}
  </span>`;
}

function Bar({ course }) {
  const share = Math.min(1, course.done / course.total);
  return html`
    <svg
      class="bar"
      viewBox="0 0 200 12"
      height="12"
      preserveAspectRatio="none"
      aria-hidden="true"
      focusable="false"
    >
      <rect class="bar-well" width="200" height="12" rx="6" />
      <rect
        class="bar-done"
        width=${Math.max(share ? 12 : 0, 200 * share).toFixed(1)}
        height="12"
        rx="6"
      />
    </svg>
  `;
}

export const dayOf = (course) => t.dayOf(course.day, Math.max(course.planned, course.length));
