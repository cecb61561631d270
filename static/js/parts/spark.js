// Thirty days as thirty bars: full, partly, missed, nothing due. The words under it say the same.
import { html } from "../html.js";
import { dayState } from "./day-sign.js";

const HEIGHT = 26;

export function Spark({ days, label, wide }) {
  const step = 5;
  const width = days.length * step;
  return html`
    <svg
      class=${wide ? "spark spark-wide" : "spark"}
      viewBox=${`0 0 ${width} ${HEIGHT}`}
      width=${wide ? null : 150}
      height=${HEIGHT}
      preserveAspectRatio="none"
      role="img"
      aria-label=${label}
      focusable="false"
    >
      ${days.map((day, i) => {
        const state = dayState(day);
        const x = i * step + 0.5;
        if (state === "none")
          return html`
            <rect
              key=${i}
              class="spark-none"
              x=${x + 1.2}
              y=${HEIGHT - 3}
              width="1.6"
              height="1.6"
            />
          `;
        if (state === "done")
          return html`
            <rect
              key=${i}
              class="spark-done"
              x=${x}
              y="1"
              width="4"
              height=${HEIGHT - 2}
              rx="0.8"
            />
          `;
        if (state === "partly")
          return html`
            <rect
              key=${i}
              class="spark-partly"
              x=${x}
              y=${(HEIGHT - 1 - (HEIGHT - 2) * Math.max(0.25, (0.8 * day.done) / day.due)).toFixed(
                1,
              )}
              width="4"
              height=${((HEIGHT - 2) * Math.max(0.25, (0.8 * day.done) / day.due)).toFixed(1)}
              rx="0.8"
            />
          `;
        return html`
          <rect
            key=${i}
            class="spark-missed"
            x=${x}
            y=${HEIGHT - 5}
            width="4"
            height="4"
            rx="0.8"
          />
        `;
      })}
    </svg>
  `;
}
