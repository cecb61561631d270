// A doctor's patients by need, with the reason and the actions, in one row each. Also the pages of
// one patient.
import { html, cx, useEffect, useRef, useState } from "../html.js";
import { groupOf, showPending } from "../feed.js";
import { firstPatients, loadPatients } from "../data.js";
import { Button, Empty, LoadFailed, Skeleton } from "../parts/controls.js";
import { HalfSun, Icon } from "../parts/icon.js";
import { Spark } from "../parts/spark.js";
import { go } from "../router.js";
import { state } from "../store.js";
import { language, t } from "../texts.js";
import { dateOf, dayMonth, time, when } from "../clock.js";
import { Born, Phone } from "./contact.js";
import { shortcutsEnabled, step, useShortcuts } from "./shortcuts.js";
import { needLine, sparkWords } from "./need.js";
import { Panel } from "./panel.js";
import { History } from "./history.js";
import { words as own } from "./words.js";
import { Write } from "./write.js";

const WIDE = "(min-width: 80rem)";
const ROWS = ".patient-row .cell-name a";
const AT_ONCE = 50; // rows shown, and more each time that more are asked for
const NEEDS = ["silent", "slipping", "on_course"];

function useWide() {
  const [wide, setWide] = useState(matchMedia(WIDE).matches);
  useEffect(() => {
    const media = matchMedia(WIDE);
    const change = () => setWide(media.matches);
    media.addEventListener("change", change);
    return () => media.removeEventListener("change", change);
  }, []);
  return wide;
}

export default function Patients({ parts }) {
  const wide = useWide();
  const [, id, what] = parts;
  if (what === "write") return html`<${Write} id=${id} />`;
  if (what === "history") return html`<${History} id=${id} />`;
  if (id && !wide)
    return html`
      <a class="back" href="#/patients"><${Icon} name="left" />${t.pages.patients}</a>
      <${Panel} key=${id} id=${id} page />
    `;
  return html`<${List} chosen=${id} wide=${wide} />`;
}

const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

function List({ chosen, wide }) {
  const [asked, ask] = useState("");
  const [only, showOnly] = useState(null); // one need, or all
  const [byName, sortByName] = useState(false);
  const [most, show] = useState(AT_ONCE);
  const [problem, setProblem] = useState(null);
  const more = () => show((now) => now + AT_ONCE);
  useEffect(() => {
    if (!state.patients) firstPatients().catch(setProblem);
  }, []);
  useShortcuts({
    "/": () => document.getElementById("find")?.focus(),
    j: () => {
      if ([...document.querySelectorAll(ROWS)].at(-1) === document.activeElement) more();
      setTimeout(() => step(ROWS, 1));
    },
    k: () => step(ROWS, -1),
    n: () => {
      const at = document.activeElement.closest?.(".patient-row")?.querySelector(".cell-name a");
      const id = at ? at.hash.split("/").pop() : chosen;
      if (id) go(`/patients/${id}/write`);
    },
  });
  const all = state.patients;
  if (!all)
    return html`
      <div class="page-head"><h1 tabindex="-1">${t.pages.patients}</h1></div>
      ${
        problem
          ? html`<${LoadFailed} problem=${problem}>
            <${Button} onClick=${() => {
              setProblem(null);
              loadPatients().catch(setProblem);
            }}>
              ${t.tryAgain}
            <//>
          <//>`
          : html`<${Skeleton} rows=${5} />`
      }
    `;
  const words = fold(asked).split(/\s+/).filter(Boolean);
  const found = all.filter(
    (p) =>
      (!only || groupOf(p) === only) && words.every((word) => fold(p.name || "").includes(word)),
  );
  const names = new Intl.Collator(language);
  const ordered = byName
    ? [...found].sort((a, b) => names.compare(a.name || "", b.name || ""))
    : NEEDS.flatMap((need) => found.filter((p) => groupOf(p) === need));
  const rows = ordered.slice(0, most);
  const groups = (
    byName
      ? [["all", rows, ordered.length]]
      : NEEDS.map((need) => [
          need,
          rows.filter((p) => groupOf(p) === need),
          found.filter((p) => groupOf(p) === need).length,
        ])
  ).filter(([, list]) => list.length);
  const count = (need) => all.filter((p) => p.need === need).length;
  const stale = state.connection !== "live" && state.connection !== "connecting" && state.asOf;
  const shown = chosen || (wide ? groups[0]?.[1][0]?.id : null);
  return html`
    <div class="patients-head">
      <div class="page-head">
        <h1 tabindex="-1">${t.pages.patients}</h1>
        ${
          all.length > 0 &&
          !state.patientsToCome &&
          html`<p class="lead">
            <strong>${t.silentCount(count("silent"))}</strong> · ${t.slippingCount(
              count("slipping"),
            )} · ${t.onCourseCount(count("on_course"))}
            ${stale ? ` · ${t.asOf(time(state.asOf))}` : ""}
          </p>`
        }
      </div>
      ${
        all.length > 0 &&
        html`<div class="find">
          <label class="hidden" for="find">${t.findPatient}</label>
          <${Icon} name="search" />
          <input
            id="find"
            type="search"
            placeholder=${t.findPatient}
            value=${asked}
            onInput=${(e) => ask(e.target.value)}
            autocomplete="off"
          />
        </div>`
      }
    </div>
    ${
      all.length > 1 &&
      html`<div class="list-tools" role="group" aria-label=${t.listTools}>
        ${[null, ...NEEDS].map(
          (need) => html`
            <button
              type="button"
              key=${need || "all"}
              class="button button-quiet button-small"
              aria-pressed=${only === need ? "true" : "false"}
              onClick=${() => showOnly(need)}
            >
              ${need ? t.needs[need] : t.everybody}
              ${
                !state.patientsToCome &&
                html`<span class="count">${need ? count(need) : all.length}</span>`
              }
            </button>
          `,
        )}
        <button
          type="button"
          class="button button-quiet button-small"
          aria-pressed=${byName ? "true" : "false"}
          onClick=${() => sortByName(!byName)}
        >
          ${t.sortByName}
        </button>
        ${shortcutsEnabled() && html`<span class="secondary keys-hint">${t.keysHint}</span>`}
      </div>`
    }
    ${
      state.patientsPending &&
      html`<p class="pending-bar" role="status">
        <${Button} kind="quiet" size="small" icon="retry" onClick=${showPending}>
          ${t.changesShow(state.patientsPending.count)}
        <//>
      </p>`
    }
    ${
      !all.length
        ? html`
          <${Empty}
            sign=${html`<${HalfSun} />`}
            title=${t.noPatients}
            text=${t.noPatientsLead(state.user.name)}
          />
        `
        : html`<div class="patients-split">
          <div class="patients">
            ${
              groups.length
                ? html`<table class="card patient-table">
                  <caption class="hidden">${t.pages.patients}</caption>
                  <thead>
                    <tr>
                      <th scope="col">${t.colPatient}</th>
                      <th scope="col">${t.colWhy}</th>
                      <th scope="col">${t.colDays}</th>
                      <th scope="col" class="num">${t.colKept}</th>
                      <th scope="col" class="num">${t.colSteps}</th>
                      <th scope="col">${t.colLast}</th>
                    </tr>
                  </thead>
                  ${groups.map(
                    ([need, list, total]) => html`<tbody key=${need}>
                      <tr class="group">
                        <th colspan="6" scope="rowgroup">
                          ${t.needs[need] || t.everybody}
                          ${!state.patientsToCome && html` <span class="count">${total}</span>`}
                        </th>
                      </tr>
                      ${list.map(
                        (p) => html`<${Row} key=${p.id} patient=${p} on=${p.id === shown} />`,
                      )}
                    </tbody>`,
                  )}
                </table>`
                : html`<${Empty} sign="search" title=${t.nobodyFound} />`
            }
            ${
              ordered.length > rows.length &&
              html`<p class="more-rows">
                <${Button} kind="outline" onClick=${more}>
                  ${own().moreRows(Math.min(AT_ONCE, ordered.length - rows.length))}
                <//>
                <span class="secondary">${own().rowsOf(rows.length, ordered.length)}</span>
              </p>`
            }
          </div>
          ${
            wide &&
            shown &&
            html`<aside class="patients-side"><${Panel} key=${shown} id=${shown} /></aside>`
          }
        </div>`
    }
  `;
}

function Row({ patient, on }) {
  const { id, name, since, covering, adherence, days } = patient;
  const { steps_open: steps, last_check_in_at: last } = patient;
  const ref = useRef(null);
  const open = (event) => {
    if (!event.target.closest("a") && !getSelection()?.toString()) go(`/patients/${id}`);
  };
  const kept = adherence == null ? "–" : t.percent(adherence);
  return html`<tr class=${cx("patient-row", on && "patient-on")} ref=${ref} onClick=${open}>
    <th scope="row" class="cell-name">
      <a href=${`#/patients/${id}`} aria-current=${on ? "true" : null}>${name}</a>
      <span class="secondary">
        ${
          patient.birth_date
            ? html`<${Born} date=${patient.birth_date} />`
            : !covering && t.since(dayMonth(dateOf(since)))
        }
        ${covering && html`<span class="block">${t.coverFor(covering.name)}</span>`}
      </span>
      <${Phone} number=${patient.phone} />
    </th>
    <td class="cell-why">${needLine(patient)}</td>
    <td class="cell-days">
      <${Spark}
        days=${days || []}
        label=${sparkWords(patient)}
        wide=${!matchMedia("(min-width: 48rem)").matches}
      />
    </td>
    <td class="cell-kept num"><strong>${kept}</strong></td>
    <td class="cell-steps num"><strong>${steps}</strong></td>
    <td class="cell-last"><strong>${last ? when(last) : t.never}</strong></td>
  </tr>`;
}
