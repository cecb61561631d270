// Thirty days as thirty bars: full, partly, missed, nothing due. The words under it say the same.
import { html } from "../html.js";
import { dayState } from "./day-sign.js";

const HEIGHT = 26;
const STEP = 5;
const WIDTH = 4;

// A bar of round corners, as part of a path: a list of 200 patients has thousands of them.
function bar(x, top, height) {
  const side = (height - 1.6).toFixed(1);
  return `M${x + 0.8} ${top}h2.4q.8 0 .8.8v${side}q0 .8-.8.8h-2.4q-.8 0-.8-.8v-${side}q0-.8.8-.8z`;
}

const SHAPES = {
  done: (x) => bar(x, 1, HEIGHT - 2),
  partly: (x, day) => {
    const height = ((HEIGHT - 2) * Math.max(0.25, (0.8 * day.done) / day.due)).toFixed(1);
    return bar(x, (HEIGHT - 1 - height).toFixed(1), height);
  },
  missed: (x) => bar(x, HEIGHT - 5, WIDTH),
  none: (x) => `M${(x + 1.2).toFixed(1)} ${HEIGHT - 3}h1.6v1.6h-1.6z`,
};

export function Spark({ days, label, wide }) {
  const paths = { none: "", done: "", partly: "", missed: "" };
  days.forEach((day, i) => {
    const state = dayState(day);
    const shape = SHAPES[state] ? state : "missed";
    paths[shape] += SHAPES[shape](i * STEP + 0.5, day);
  });
  return html`
    <svg
      class=${wide ? "spark spark-wide" : "spark"}
      viewBox=${`0 0 ${days.length * STEP} ${HEIGHT}`}
      width=${wide ? null : 150}
      height=${HEIGHT}
      preserveAspectRatio="none"
      role="img"
      aria-label=${label}
      focusable="false"
    >
      ${Object.entries(paths).map(
        ([shape, path]) => path && html`<path key=${shape} class=${`spark-${shape}`} d=${path} />`,
      )}
    </svg>
  `;
}
