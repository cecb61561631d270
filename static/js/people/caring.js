// For whom one cares: whose day it is, what waits, and an answer where that is allowed.
import { html, useEffect, useState } from "../html.js";
import { call, get, getAll } from "../api.js";
import { watchers } from "../feed.js";
import {
  Button,
  Empty,
  Field,
  LoadFailed,
  ProblemLine,
  Skeleton,
  useAct,
} from "../parts/controls.js";
import { dateOf, dayMonth, slotTime } from "../clock.js";
import { showSuccess } from "../messages.js";
import { dueSlot } from "../today-plan.js";
import { t } from "../texts.js";
import { words } from "./words.js";

export default function Caring({ parts }) {
  const [people, setPeople] = useState(null);
  const [problem, setProblem] = useState(null);
  const p = words();
  const load = () =>
    get("caring/").then(
      ({ data }) => setPeople(data.items),
      (wrong) => setProblem(wrong),
    );
  useEffect(() => {
    load();
    const changed = ({ event }) => {
      if (event === "carers.changed" || event === "reset") load();
    };
    watchers.add(changed);
    return () => watchers.delete(changed);
  }, []);
  if (problem) return html`<${LoadFailed} level=${1} problem=${problem} />`;
  if (!people) return html`<h1 tabindex="-1" class="hidden">${p.caring}</h1><${Skeleton} />`;
  if (!people.length)
    return html`
      <${Empty} level=${1} sign="person" title=${p.caringNone} text=${p.caringNoneLead} />
    `;
  const chosen = people.find((one) => one.patient.id === parts[1]) || people[0];
  return html`
    <div class="page-head"><h1 tabindex="-1">${p.dayOf(chosen.patient.name)}</h1></div>
    ${
      people.length > 1 &&
      html`<nav class="chips" aria-label=${p.caring}>
        ${people.map(
          (one) => html`
            <a
              key=${one.id}
              class="button button-outline button-small"
              href=${`#/caring/${one.patient.id}`}
              aria-current=${one === chosen ? "page" : null}
            >
              ${one.patient.name}
            </a>
          `,
        )}
      </nav>`
    }
    <${Day} key=${chosen.id} person=${chosen} onChange=${load} />
  `;
}

function Day({ person, onChange }) {
  const [steps, setSteps] = useState(null);
  const [days, setDays] = useState([]);
  const id = person.patient.id;
  const p = words();
  const { busy, problem, act, setProblem } = useAct();
  const load = () =>
    Promise.all([
      getAll(`steps/?patient_id=${id}&status=active`),
      get(`adherence/?patient_id=${id}&days=7`),
    ]).then(
      ([active, kept]) => {
        setSteps(active.items);
        setDays(kept.data.items);
      },
      (wrong) => setProblem(wrong),
    );
  useEffect(() => {
    load();
    let soon = null;
    const changed = ({ data }) => {
      const whose = data.patient_id || data.step?.patient_id;
      if (whose && whose !== id) return;
      clearTimeout(soon);
      soon = setTimeout(load, 300);
    };
    watchers.add(changed);
    return () => {
      clearTimeout(soon);
      watchers.delete(changed);
    };
  }, []);
  const answer = (step, slot, outcome) =>
    act(async () => {
      await call("POST", `check-in/${step.id}/`, { body: slot ? { slot, outcome } : { outcome } });
      showSuccess(p.answeredFor);
      await load();
    });
  if (!steps) return problem ? html`<${ProblemLine} problem=${problem} />` : html`<${Skeleton} />`;
  const due = steps.map((step) => ({ step, slot: dueSlot(step) })).filter((one) => one.slot);
  const once = steps.filter((step) => step.kind === "checklist" && !step.as_needed);
  const slots = steps.flatMap((step) => (step.today || []).map((one) => ({ step, ...one })));
  const later = slots.filter(
    (one) => one.state === "upcoming" && !due.some((row) => row.slot === one.slot),
  );
  const past = slots.filter((one) => ["done", "skipped", "missed"].includes(one.state));
  const total = days.reduce((sum, day) => sum + day.due, 0);
  const may = person.may === "answer";
  return html`
    <div class="narrow col col-parts">
      <section class="card part">
        <h2>${p.nowDue}</h2>
        ${
          due.length
            ? html`<ul class="rows plain-rows">
              ${due.map(
                ({ step, slot }) => html`<li class="row" key=${step.id}>
                  <span class="row-words">
                    <strong>${step.title}</strong>
                    <span class="secondary">${slotTime(slot)} ${step.detail || ""}</span>
                  </span>
                  ${
                    may &&
                    html`
                      <${Answers} busy=${busy} step=${step} slot=${slot} onAnswer=${answer} />
                    `
                  }
                </li>`,
              )}
            </ul>`
            : html`<p class="secondary">${p.nothingDue}</p>`
        }
        ${!may && html`<p class="secondary">${p.seeOnly}</p>`}
        <${ProblemLine} problem=${problem} />
      </section>
      ${
        once.length > 0 &&
        html`<section class="card part">
          <h2>${p.onceToDo}</h2>
          <ul class="rows plain-rows">
            ${once.map(
              (step) => html`<li class="row" key=${step.id}>
                <span class="row-words">
                  <strong>${step.title}</strong>
                  <span class="secondary">${step.detail || ""}</span>
                </span>
                ${may && html`<${Answers} busy=${busy} step=${step} onAnswer=${answer} once />`}
              </li>`,
            )}
          </ul>
        </section>`
      }
      <${Slots} title=${p.laterToday} slots=${later} />
      <${Slots} title=${p.todayDone} slots=${past} states />
      <${Settings} person=${person} onChange=${onChange}>
        ${
          total > 0 &&
          html`<p>${p.kept(
            days.reduce((sum, day) => sum + day.done, 0),
            total,
          )}</p>`
        }
        ${person.until && html`<p class="secondary">${p.until(dayMonth(dateOf(person.until)))}</p>`}
      <//>
    </div>
  `;
}

function Answers({ step, slot = null, busy, onAnswer, once }) {
  return html`<span class="row-acts">
    <${Button} size="small" disabled=${busy} onClick=${() => onAnswer(step, slot, "done")}>
      ${t.done}<span class="hidden"> ${step.title}</span>
    <//>
    ${
      !once &&
      html`<${Button}
        kind="quiet"
        size="small"
        disabled=${busy}
        onClick=${() => onAnswer(step, slot, "skipped")}
      >
        ${t.skipThis}<span class="hidden"> ${step.title}</span>
      <//>`
    }
  </span>`;
}

function Slots({ title, slots, states }) {
  const p = words();
  if (!slots.length) return null;
  const sorted = [...slots].sort((a, b) => a.slot.localeCompare(b.slot));
  return html`<section class="card part">
    <h2>${title}</h2>
    <ul class="rows plain-rows">
      ${sorted.map(
        (one) => html`<li class="row" key=${one.step.id + one.slot}>
          <span class="row-words">
            <strong>${one.step.title}</strong>
            <span class="secondary">
              ${slotTime(one.slot)}${states ? ` · ${p.states[one.state]}` : ""}
            </span>
          </span>
        </li>`,
      )}
    </ul>
  </section>`;
}

const MINUTES = [15, 30, 60, 120, 240];

function Settings({ person, onChange, children }) {
  const { busy, problem, act } = useAct();
  const p = words();
  const save = (value) =>
    act(async () => {
      const body = { alert_minutes: value ? Number(value) : null };
      await call("PATCH", `caring/${person.patient.id}/`, { body });
      showSuccess(t.saved);
      onChange();
    });
  const stop = () =>
    act(async () => {
      await call("DELETE", `caring/${person.patient.id}/`);
      showSuccess(p.ended);
      onChange();
    });
  const known = [...new Set([...MINUTES, person.alert_minutes].filter(Boolean))].sort(
    (a, b) => a - b,
  );
  return html`<section class="card part">
    <h2>${person.patient.name}</h2>
    ${children}
    <${Field} id="alert" label=${p.alertMe}>
      ${(shared) => html`
        <select ...${shared} disabled=${busy} onChange=${(e) => save(e.target.value)}>
          <option value="" selected=${!person.alert_minutes}>${p.alertNever}</option>
          ${known.map(
            (minutes) => html`
              <option
                key=${minutes}
                value=${minutes}
                selected=${minutes === person.alert_minutes}
              >
                ${p.alertAfter(minutes)}
              </option>
            `,
          )}
        </select>
      `}
    <//>
    <${ProblemLine} problem=${problem} />
    <${Button} kind="quiet" busy=${busy} onClick=${stop}>${p.stopCaring}<//>
  </section>`;
}
