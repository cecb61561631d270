// What waits and what is late, by counts alone.
import { html, useEffect, useState } from "../html.js";
import { get } from "../api.js";
import { LoadFailed, Skeleton } from "../parts/controls.js";
import { words } from "../people/words.js";
import { when } from "../clock.js";

export default function Overview() {
  const [seen, setSeen] = useState(null);
  const [problem, setProblem] = useState(null);
  const p = words();
  useEffect(() => {
    const load = () => get("admin/overview/").then(({ data }) => setSeen(data), setProblem);
    load();
    const timer = setInterval(load, 60000);
    return () => clearInterval(timer);
  }, []);
  const head = html`<div class="page-head"><h1 tabindex="-1">${p.overview}</h1></div>`;
  if (problem && !seen) return html`${head}<${LoadFailed} problem=${problem} />`;
  if (!seen) return html`${head}<${Skeleton} />`;
  const { waiting, late } = seen;
  const oldest = (one) => (one.count ? p.oldest(p.seconds(one.oldest_seconds)) : "");
  return html`
    ${head}
    <div class="two two-even">
      <div class="col col-parts">
        <section class="card part">
          <h2>${waiting.doctors ? p.doctorsWaiting(waiting.doctors) : p.noDoctorsWaiting}</h2>
          ${
            waiting.doctors > 0 &&
            html`<a class="button button-main" href="#/accounts?status=pending">${p.seeThem}</a>`
          }
        </section>
        <section class="card part">
          <h2>${p.notesWaiting}</h2>
          <${Facts}
            rows=${["queued", "processing", "proposed", "failed"].map((state) => [
              p.noteStates[state],
              String(waiting.notes[state]?.count || 0),
              waiting.notes[state] ? oldest(waiting.notes[state]) : "",
            ])}
          />
        </section>
        <section class="card part">
          <h2>${p.lettersWaiting}</h2>
          <p><strong>${waiting.letters.count}</strong> ${oldest(waiting.letters)}</p>
        </section>
      </div>
      <div class="col col-parts">
        <section class="card part">
          <h2>${p.remindersLate}</h2>
          <p>
            <strong>${late.reminders.late}</strong>
            ${" "}${oldest({ count: late.reminders.late, ...late.reminders })}
          </p>
        </section>
        <section class="card part">
          <h2>${p.processes}</h2>
          <${Facts}
            rows=${seen.nodes.map((one) => [one.role, String(one.count), one.version || ""])}
          />
        </section>
        <section class="card part">
          <h2>${p.version}</h2>
          <${Facts}
            rows=${[
              [p.version, seen.version, ""],
              [p.schema, `${seen.schema_version} / ${seen.schema_known}`, ""],
              [p.backup, seen.backup_at ? when(seen.backup_at) : p.never, ""],
              [p.drill, seen.drill_at ? when(seen.drill_at) : p.never, ""],
            ]}
          />
        </section>
      </div>
    </div>
  `;
}

const Facts = ({ rows }) => html`<ul class="log">
  ${rows.map(
    ([name, value, more]) => html`<li key=${name}>
      <span>${name}</span>
      <span><strong>${value}</strong> <span class="secondary">${more}</span></span>
    </li>`,
  )}
</ul>`;
