// The plan on one sheet, by part of the day, to print and hang up; and one's answers as a file.
import { html, useState } from "../html.js";
import { getAll, get } from "../api.js";
import { Button, Empty, Skeleton, ProblemLine, useAct } from "../parts/controls.js";
import { Icon } from "../parts/icon.js";
import { clockTime, dateOf, fullDay, today } from "../clock.js";
import { howOften } from "../schedule-words.js";
import { activeSteps } from "../today-plan.js";
import { state } from "../store.js";
import { t } from "../texts.js";
import { dayPartOfTime } from "./day-times.js";

const PARTS = ["morning", "noon", "evening", "bedtime"];

/** {part: [{time, step}]}: each time of a plan on its own line. */
function byPart(steps) {
  const parts = Object.fromEntries(PARTS.map((part) => [part, []]));
  for (const step of steps)
    for (const time of step.schedule.times) parts[dayPartOfTime(time)].push({ time, step });
  for (const rows of Object.values(parts)) rows.sort((a, b) => a.time.localeCompare(b.time));
  return parts;
}

// A field of a CSV file: quoted, and never taken for a formula by a spreadsheet.
const cell = (value) => {
  const text = String(value ?? "");
  return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
};

/** Every answer of every step of one's own, the oldest first. */
async function history() {
  const { items } = await getAll("steps/?status=all");
  const rows = [];
  for (const step of items) {
    const { data } = await get(`steps/${step.id}/`);
    for (const c of data.check_ins)
      rows.push([step.title, c.slot, c.at, t.csvOutcomes[c.outcome] || c.outcome, c.reason]);
  }
  rows.sort((a, b) => String(a[2]).localeCompare(String(b[2])));
  return [t.csvHead, ...rows].map((row) => row.map(cell).join(",")).join("\r\n");
}

export default function Paper() {
  const { busy, problem, act } = useAct();
  const [file, setFile] = useState(null);
  if (!state.stepsLoaded) return html`<h1 class="hidden">${t.paperTitle}</h1><${Skeleton} />`;
  const steps = activeSteps();
  const plans = steps.filter((s) => s.schedule && !s.as_needed);
  const parts = byPart(plans);
  const needed = steps.filter((s) => s.as_needed);
  const once = steps.filter((s) => !s.schedule && !s.as_needed);
  const download = () =>
    act(async () => {
      const blob = new Blob(["\ufeff", await history()], { type: "text/csv;charset=utf-8" });
      const url = URL.createObjectURL(blob);
      setFile(url);
      const link = document.createElement("a");
      link.href = url;
      link.download = `${t.csvName}-${today()}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60000);
    });
  const line = ({ time, step }) =>
    html`<li key=${step.id + (time || "")}>
      ${time && html`<span class="paper-time">${clockTime(time)}</span>`}
      <span>
        <strong>${step.title}</strong>
        <span class="block">
          ${[step.schedule ? howOften(step) : null, step.detail].filter(Boolean).join(" · ")}
        </span>
      </span>
    </li>`;
  const part = (title, rows) =>
    rows.length > 0 &&
    html`<section class="paper-part" key=${title}>
      <h2>${title}</h2>
      <ul>
        ${rows.map(line)}
      </ul>
    </section>`;
  return html`
    <a class="back no-print" href="#/me"><${Icon} name="left" size=${24} />${t.pages.me}</a>
    <div class="page-head">
      <h1 tabindex="-1" data-title=${t.paperTitle}>${t.paperOf(state.user.name)}</h1>
      <p class="lead">${t.paperAsOf(fullDay(dateOf(new Date())))}</p>
    </div>
    ${
      steps.length
        ? html`<div class="paper-plan">
          ${PARTS.map((name) => part(t.dayParts[name], parts[name]))}
          ${part(
            t.whenNeeded,
            needed.map((step) => ({ step })),
          )}
          ${part(
            t.onceWhenYouCan,
            once.map((step) => ({ step })),
          )}
        </div>`
        : html`<${Empty} sign="note" title=${t.nothingYet} />`
    }
    <div class="no-print paper-buttons">
      <${Button} onClick=${() => window.print()}>${t.printIt}<//>
      <${Button} kind="outline" busy=${busy} busyText=${t.loading} onClick=${download}>
        ${t.csvDownload}
      <//>
    </div>
    <p class="secondary no-print" role="status">${file ? t.csvDone : t.csvLead}</p>
    <${ProblemLine} problem=${problem} />
  `;
}
