// Today: what is due now, later, once, done; how it is going; what changed.
import { html, useEffect, useMemo } from "../html.js";
import { Empty, Skeleton } from "../parts/controls.js";
import { HalfSun, Icon } from "../parts/icon.js";
import { changes, replacedBy } from "../changes.js";
import {
  dateOf,
  dayMonth,
  daysBetween,
  longDay,
  nextWhen,
  partOfDay,
  time,
  today,
  weekday,
  when,
} from "../clock.js";
import { activeSteps, inSentence, isShortDay, nextSlot, todayPlan } from "../today-plan.js";
import { go } from "../router.js";
import { state } from "../store.js";
import { t } from "../texts.js";
import {
  AsNeededRow,
  DueCard,
  EarlierRow,
  Going,
  LaterRow,
  OnceRow,
  StepRow,
  Section,
  WaitingRow,
} from "./rows.js";
import { changeWords, howOften } from "../schedule-words.js";
import { DayQuestion, dayPartOf } from "./day-times.js";
import { ZoneQuestion } from "./travel.js";

const first = (name) => name.trim().split(/\s+/)[0];

const clockOrDay = (moment) => (dateOf(moment) === today() ? time(moment) : when(moment));

const SEE = "changed"; // asked for by the news of a new plan
const SEE_MS = 5000; // later the reader is elsewhere on the page
export default function Today({ query }) {
  const plan = todayPlan();
  const see = query?.get("see");
  // What changed is known once the notes are read, a moment after the steps.
  const askedAt = useMemo(() => Date.now(), [see]);
  useEffect(() => {
    if (see !== SEE) return;
    const card = document.getElementById(SEE);
    const late = Date.now() - askedAt > SEE_MS;
    if (!card && !late) return;
    if (!late) {
      card.scrollIntoView({ block: "start" });
      card.focus({ preventScroll: true });
    }
    go("/today", { replace: true });
  });
  useEffect(() => {
    state.toasts = [];
  }, []);
  // A card that was answered goes, and the keyboard's place with it: back to the heading, without a
  // jump.
  useEffect(() => {
    if (document.activeElement === document.body)
      document.querySelector("main h1")?.focus({ preventScroll: true });
  }, [plan.due.length]);
  if (!state.stepsLoaded)
    return html`<h1 class="hidden">${t.pages.today}</h1><${Skeleton} rows=${4} />`;
  const waitingOffline = state.connection === "offline";
  const going = activeSteps()
    .filter((s) => s.kind === "plan" && !s.as_needed && s.schedule)
    .sort((a, b) => a.created_at.localeCompare(b.created_at) || a.title.localeCompare(b.title));
  const nothing = activeSteps().length === 0 && !plan.earlier.length && !plan.waiting.length;
  return html`
    <p class="hidden" role="status">
      ${t.dueSpoken(plan.due.map(({ step }) => step.title).join(", "))}
    </p>
    <div class="page-head">
      <p class="over">
        ${longDay(today())}
        ${waitingOffline && state.asOf ? ` · ${t.lastUpdated(clockOrDay(state.asOf))}` : ""}
      </p>
      <h1 tabindex="-1" data-title=${t.pages.today}>
        ${t.greeting[partOfDay()](first(state.user.name))}
      </h1>
      ${!nothing && html`<p class="lead">${t.daySentence(plan.due.length, plan.later.length)}</p>`}
    </div>
    <${ZoneQuestion} />
    ${
      nothing
        ? html`<div class="col"><${Nothing} /><${Ended} /><${DayQuestion} /></div>`
        : html`<div class="two">
          <div class="col">
            ${plan.due.length > 0 && html`<${DueCard} due=${plan.due} />`}
            ${state.elsewhere.map(
              (e) => html`<p class="card elsewhere" role="status" key=${e.step_id + e.slot}>
                <${Icon} name="tick" size=${24} />
                <span><strong>${e.title}</strong> ${t.doneElsewhere}</span>
              </p>`,
            )}
            ${
              plan.waiting.length > 0 &&
              html`<${Section} title=${t.waitingToSend} count=${plan.waiting.length}>
                <ul class="card rows">
                  ${plan.waiting.map(
                    (row) => html`<${WaitingRow} key=${row.entry.key} ...${row} />`,
                  )}
                </ul>
              <//>`
            }
            ${plan.due.length === 0 && plan.waiting.length === 0 && html`<${Rest} plan=${plan} />`}
            ${
              plan.later.length > 0 &&
              html`<${Section} title=${t.laterToday} count=${plan.later.length}>
                <${Later} rows=${plan.later} />
              <//>`
            }
            ${
              plan.once.length + plan.asNeeded.length > 0 &&
              html`<${Section} title=${plan.once.length ? t.onceWhenYouCan : t.whenNeeded}>
                <ul class="card rows">
                  ${plan.once.map((row) => html`<${OnceRow} key=${row.step.id} ...${row} />`)}
                  ${plan.asNeeded.map(
                    (row) => html`<${AsNeededRow} key=${row.step.id} ...${row} />`,
                  )}
                </ul>
              <//>`
            }
          </div>
          <div class="col">
            ${
              plan.earlier.length > 0 &&
              html`
                <${Section}
                  title=${plan.missed ? t.earlierToday : t.doneToday}
                  count=${plan.earlier.length}
                >
                  <ul class="card rows">
                    ${plan.earlier.map(
                      (row) => html`<${EarlierRow} key=${row.step.id + row.slot} ...${row} />`,
                    )}
                  </ul>
                <//>
              `
            }
            ${
              going.length > 0 &&
              html`<${Section} title=${t.howItGoes}>
                <ul class="card goings">
                  ${going.map((step) => html`<${Going} key=${step.id} step=${step} />`)}
                </ul>
              <//>`
            }
            <${Changed} />
            <${Ended} />
            <${DayQuestion} />
          </div>
        </div>`
    }
  `;
}

// A long day in its parts: each has a heading of its own.
const SPLIT_FROM = 4;
function Later({ rows }) {
  const shown = (some) =>
    html`<ul class="card rows">
      ${some.map((row) => html`<${LaterRow} key=${row.step.id + row.slot} ...${row} />`)}
    </ul>`;
  const parts = new Map();
  for (const row of rows) {
    const part = dayPartOf(row.until || row.slot);
    parts.set(part, [...(parts.get(part) || []), row]);
  }
  if (rows.length < SPLIT_FROM || parts.size < 2 || rows.some((row) => isShortDay(row.step)))
    return shown(rows);
  return [...parts].map(
    ([part, some]) =>
      html`<div key=${part} class="day-part">
        <h3 class="day-part-head">${t.dayParts[part]}</h3>
        ${shown(some)}
      </div>`,
  );
}

function Rest({ plan }) {
  if (plan.later.length) return null;
  const next = nextSlot();
  if (!plan.earlier.length && !next) return null;
  return html`
    <${Empty}
      sign="tick"
      tone="done"
      title=${plan.missed ? t.nothingNow : t.allDoneToday}
      text=${next ? t.nextIs(inSentence(next.step.title), nextWhen(next.slot)) : null}
    />
  `;
}

function Nothing() {
  if (state.assignment === undefined) return html`<${Skeleton} />`;
  const doctor = state.assignment?.doctor.name || t.yourDoctor;
  const coming = (state.notes || []).some((n) =>
    ["queued", "processing", "proposed", "failed"].includes(n.status),
  );
  if (state.assignment)
    return html`
      <${Empty}
        sign=${html`<${HalfSun} />`}
        title=${t.nothingYet}
        text=${coming ? t.noteComing(doctor) : t.nothingYetDoctor(doctor)}
      >
        <a class="button button-quiet" href="#/notes">${t.readNotes}</a>
      <//>
    `;
  return html`
    <${Empty} sign=${html`<${HalfSun} />`} title=${t.nothingYet} text=${t.chooseDoctorLead}>
      <a class="button button-main" href="#/doctor">${t.chooseDoctor}</a>
    <//>
  `;
}

function Changed() {
  const note = (state.notes || []).find((n) => n.status === "ready");
  if (!note) return null;
  const steps = Object.values(state.steps);
  const own = steps.filter((s) => s.note_id === note.id && s.status !== "rejected");
  const old = replacedBy(note.id, steps);
  if (!own.length || !old.length)
    return html`<a class="button button-quiet wide" href=${`#/notes/${note.id}`}>
      <${Icon} name="note" size=${24} />
      <span>${t.readTheNote}</span>
    </a>`;
  const date = dateOf(note.created_at);
  const gap = daysBetween(date, today());
  const what = changes(old, own);
  return html`
    <${Section} title=${
      gap === 0
        ? t.changedToday
        : gap < 7
          ? t.changedOn(weekday(date))
          : t.changedOnDate(dayMonth(date))
    }>
      <div class="card changed" id="changed" tabindex="-1">
        <p class="secondary">${t.newNoteOn(note.doctor?.name || t.yourDoctor, dayMonth(date))}</p>
        <${ChangeList} what=${what} />
        <a class="button button-quiet wide" href=${`#/notes/${note.id}`}>
          <${Icon} name="note" size=${24} />
          <span>${t.readTheNote}</span>
        </a>
      </div>
    <//>
  `;
}

const TOLD_MS = 3 * 86400000;
/** Steps that went in the last days without a new plan in their place. */
function Ended() {
  const steps = Object.values(state.steps);
  const replaced = new Set(
    (state.notes || [])
      .filter((n) => n.status === "ready")
      .flatMap((n) => replacedBy(n.id, steps).map((s) => s.id)),
  );
  const gone = steps.filter(
    (s) =>
      s.status === "cancelled" &&
      Date.now() - Date.parse(s.cancelled_at) < TOLD_MS &&
      !replaced.has(s.id),
  );
  if (!gone.length) return null;
  return html`<${Section} title=${t.noLongerHead} count=${gone.length}>
    <ul class="card rows">
      ${gone.map((step) => {
        const detail = t.noLongerSince(when(step.cancelled_at));
        return html`<${StepRow} key=${step.id} step=${step} detail=${detail} />`;
      })}
    </ul>
  <//>`;
}

function titled(step) {
  const often = step.schedule ? howOften(step) : step.as_needed ? t.ifNeeded : null;
  const said = !often || step.title.toLowerCase().includes(often.toLowerCase());
  return said ? step.title : `${step.title}, ${often}`;
}

export function ChangeList({ what }) {
  const sentences = (steps) => steps.map((s) => `${titled(s)}.`).join(" ");
  return html`<dl class="change-list">
    ${
      what.added.length > 0 &&
      html`<div>
        <dt><span class="tag tag-new"><${Icon} name="plus" size=${16} />${t.tagNew}</span></dt>
        <dd>${sentences(what.added)}</dd>
      </div>`
    }
    ${
      what.changed.length > 0 &&
      html`<div>
        <dt>
          <span class="tag tag-changed"><${Icon} name="pencil" size=${16} />${t.tagChanged}</span>
        </dt>
        <dd>
          ${what.changed.map(({ before, after }) => {
            const [old, now] = changeWords(before, after);
            return html`<p key=${after.id}>
              ${
                before.title !== after.title &&
                html`<span class="hidden">${t.notAnyMore} </span><s>${before.title}</s> `
              }
              ${after.title}:${" "}
              ${old && html`<span class="hidden">${t.notAnyMore} </span><s>${old}</s> `}
              ${now && html`<span class="hidden">${t.nowWord} </span>${now}`}
            </p>`;
          })}
        </dd>
      </div>`
    }
    ${
      what.stopped.length > 0 &&
      html`<div>
        <dt>
          <span class="tag tag-stopped"><${Icon} name="cross" size=${16} />${t.tagStopped}</span>
        </dt>
        <dd>
          ${what.stopped.map((s) => `${s.title}.`).join(" ")} ${t.noLongerOnList(
            what.stopped.length,
          )}
        </dd>
      </div>`
    }
  </dl>`;
}
