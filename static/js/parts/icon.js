// Icons drawn with lines in the colour of the text. Always beside a word or with a label.
import { html } from "../html.js";

const PATHS = {
  tick: "M5 12.5l4.5 4.5L19 7",
  bell: "M6.5 16.5h11l-1.3-2.2V10a4.2 4.2 0 0 0-8.4 0v4.3zM10.3 19.3a1.8 1.8 0 0 0 3.4 0",
  calendar:
    "M6 5.5h12a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-10a2 2 0 0 1 2-2z" +
    "M4 10h16M8.5 3.5v4M15.5 3.5v4",
  note:
    "M7 3.5h7l4.5 4.5V19a1.5 1.5 0 0 1-1.5 1.5H7A1.5 1.5 0 0 1 5.5 19V5A1.5 1.5 0 0 " +
    "1 7 3.5zM14 3.5V8h4.5M9 12.5h6M9 16h6",
  sunrise: "M3 18.5h18M7 14.5a5 5 0 0 1 10 0M12 4v3M4.5 8.5l2 1.8M19.5 8.5l-2 1.8",
  person: "M12 11.5a3.7 3.7 0 1 0 0-7.4 3.7 3.7 0 0 0 0 7.4zM4.8 20a7.2 7.2 0 0 1 14.4 0",
  left: "M14.5 5.5L8 12l6.5 6.5",
  right: "M9.5 5.5L16 12l-6.5 6.5",
  plus: "M12 5v14M5 12h14",
  minus: "M6 12h12",
  pencil: "M5 19l.8-3.8L16.2 4.8a1.6 1.6 0 0 1 2.3 0l.7.7a1.6 1.6 0 0 1 0 2.3L8.8 18.2z",
  cross: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  warning: "M12 4.5l8.5 15h-17zM12 10.5v4M12 17v.4",
  info: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM12 11v5.5M12 7.8v.4",
  offline:
    "M4 4l16 16M8.5 15.5a5 5 0 0 1 5-1.3M5.5 12a9.5 9.5 0 0 1 4-2.4" +
    "M13.5 9.2a9.5 9.5 0 0 1 5 2.8M12 18.8v.2",
  clock: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 7.5V12l3 2",
  search: "M10.5 16.5a6 6 0 1 0 0-12 6 6 0 0 0 0 12zM15 15l5 5",
  eye:
    "M2.5 12S6 5.8 12 5.8 21.5 12 21.5 12 18 18.2 12 18.2 2.5 12 2.5 12z" +
    "M12 14.6a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2z",
  retry: "M19 12a7 7 0 1 1-2.2-5.1M19.5 3.5v4.3h-4.3",
  device:
    "M8 3.5h8a1.5 1.5 0 0 1 1.5 1.5v14a1.5 1.5 0 0 1-1.5 1.5H8A1.5 1.5 0 0 1 6.5 " +
    "19V5A1.5 1.5 0 0 1 8 3.5zM11 17.5h2",
  phone:
    "M6.5 4h3l1.5 4-2 1.5a11 11 0 0 0 5.5 5.5l1.5-2 4 1.5v3a1.5 1.5 0 0 1-1.6 1.5" +
    "A15.5 15.5 0 0 1 5 5.6 1.5 1.5 0 0 1 6.5 4z",
  undo: "M8.5 5L4.5 9l4 4M5 9h9a5 5 0 0 1 0 10h-4",
};

export const Icon = ({ name, size = 20, label }) => html`
  <svg
    class="icon"
    width=${size}
    height=${size}
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="2"
    stroke-linecap="round"
    stroke-linejoin="round"
    role=${label ? "img" : null}
    aria-label=${label}
    aria-hidden=${label ? null : "true"}
    focusable="false"
  >
    <path d=${PATHS[name]} />
  </svg>
`;

export const Logo = ({ size = 28 }) => html`
  <svg
    class="logo"
    width=${size}
    height=${size}
    viewBox="0 0 28 28"
    aria-hidden="true"
    focusable="false"
  >
    <rect class="logo-sky" width="28" height="28" rx="7" />
    <path class="logo-sun" d="M7 17a7 7 0 0 1 14 0z" />
    <path class="logo-line" d="M5.5 20.5h17" stroke-width="2" stroke-linecap="round" />
  </svg>
`;

/** A ring with a gap: it turns, or stands still where movement is not wanted. */
export const Spinner = ({ size = 20 }) => html`
  <svg
    class="spinner"
    width=${size}
    height=${size}
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="2.5"
    stroke-linecap="round"
    aria-hidden="true"
    focusable="false"
  >
    <path d="M20 12a8 8 0 1 1-5-7.4" />
  </svg>
`;

export const HalfSun = () => html`
  <svg
    class="half-sun"
    width="92"
    height="46"
    viewBox="0 0 92 46"
    aria-hidden="true"
    focusable="false"
  >
    <path class="logo-sun" d="M18 42a28 28 0 0 1 56 0z" />
    <path class="half-sun-line" d="M2 43h88" stroke-width="3" stroke-linecap="round" />
  </svg>
`;
