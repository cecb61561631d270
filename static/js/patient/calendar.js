// The calendar: how each day went, the chosen day, the plan, and a link for the person's own
// calendar.
import { html, cx, useEffect, useMemo, useRef, useState, useLayoutEffect } from "../html.js";
import { call, get } from "../api.js";
import { ifServed } from "../data.js";
import {
  addDays,
  clockOf,
  clockTime,
  dateOf,
  dayNumber,
  daysBetween,
  firstWeekday,
  longDay,
  monthName,
  monthYear,
  shortDay,
  time,
  today,
  weekdayNames,
  slotTime,
} from "../clock.js";
import { courseOf, endOf, timesOn } from "../course.js";
import { everyAt } from "../schedule-words.js";
import { Button, ConfirmDialog, Skeleton, Switch, ProblemLine, useAct } from "../parts/controls.js";
import { Beads } from "../parts/beads.js";
import { DaySign, dayState } from "../parts/day-sign.js";
import { Icon } from "../parts/icon.js";
import { activeSteps, dueSlot } from "../today-plan.js";
import { state } from "../store.js";
import { t } from "../texts.js";
import { Section } from "./rows.js";

export default function Calendar() {
  const now = today();
  const [month, setMonth] = useState(now.slice(0, 7));
  const [chosen, choose] = useState(now);
  const [counted, setDays] = useState(null);
  const [problem, setProblem] = useState(null);
  const answered = Object.values(state.checkIns).reduce((sum, list) => sum + list.length, 0);
  useEffect(() => {
    const span = Math.min(365, Math.max(31, daysBetween(`${month}-01`, now) + 1));
    get(`adherence/?days=${span}`).then(({ data }) => {
      setDays((was) => ({ ...was, ...Object.fromEntries(data.items.map((d) => [d.date, d])) }));
      setProblem(null);
    }, setProblem);
  }, [month, answered]);
  const days = withToday(counted, now);
  const inMonth = Object.values(days || {}).filter((d) => d.date.startsWith(month));
  const due = inMonth.reduce((sum, d) => sum + d.due, 0);
  const done = inMonth.reduce((sum, d) => sum + d.done, 0);
  const plan = activeSteps().filter((s) => s.schedule && !s.as_needed);
  return html`
    <div class="page-head">
      <h1 tabindex="-1">${t.yourCalendar}</h1>
      <p class="lead">${done ? t.keptOf(done, due, monthName(`${month}-01`)) : t.calendarLead}</p>
    </div>
    <div class="two">
      <div class="col">
        ${
          days || problem
            ? html`
              <${Month}
                month=${month}
                days=${days || {}}
                chosen=${chosen}
                choose=${choose}
                go=${setMonth}
              />
            `
            : html`<${Skeleton} rows=${5} />`
        }
        ${problem && html`<${ProblemLine} problem=${problem} />`}
        <${Day} date=${chosen} day=${days?.[chosen]} />
      </div>
      <div class="col">
        ${
          plan.length > 0 &&
          html`<${Section} title=${t.yourPlan}>
            <ul class="card rows">
              ${plan.map((step) => html`<${PlanRow} key=${step.id} step=${step} />`)}
            </ul>
          <//>`
        }
        <${OwnCalendar} />
      </div>
    </div>
  `;
}

/** The days, and in today's count also what is still to answer. */
export function withToday(days, now) {
  const left = activeSteps()
    .flatMap((step) => step.today || [])
    .filter((slot) => slot.state === "upcoming" || slot.state === "open").length;
  const day = days?.[now];
  return day && left ? { ...days, [now]: { ...day, due: day.due + left } } : days;
}

function futureDue(date) {
  return activeSteps().reduce((sum, step) => sum + (runsOn(step, date) ? 1 : 0), 0);
}
function runsOn(step, date) {
  if (!timesOn(step, date).length) return false;
  const end = endOf(step, state.checkIns[step.id]);
  return !end || date <= end;
}

function Month({ month, days, chosen, choose, go }) {
  const now = today();
  const first = firstWeekday();
  const start = `${month}-01`;
  const weekdayOf = (date) => ((new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7) + 1;
  const lead = (weekdayOf(start) - first + 7) % 7;
  const next = addDays(`${month}-28`, 7).slice(0, 7);
  const count = daysBetween(start, `${next}-01`);
  const weeks = [];
  for (let i = -lead; i < count; i += 7)
    weeks.push(
      [...Array(7)].map((_, k) => (i + k >= 0 && i + k < count ? addDays(start, i + k) : null)),
    );
  const table = useRef(null);
  // Keys may come faster than the page is drawn: where they have got to is kept apart from what is
  // drawn.
  const at = useRef(chosen);
  const moved = useRef(false);
  at.current = chosen;
  useLayoutEffect(() => {
    const cell = moved.current && table.current?.querySelector("[data-chosen]");
    if (cell) {
      cell.focus();
      moved.current = false;
    }
  }, [chosen, month]);
  const keys = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[event.key];
    if (!step) return;
    event.preventDefault();
    const date = addDays(at.current, step);
    at.current = date;
    moved.current = true;
    if (!date.startsWith(month)) go(date.slice(0, 7));
    choose(date);
  };
  const words = (date, how, day) =>
    [
      longDay(date),
      date === now ? t.today : null,
      t.dayWords[how],
      day?.due ? t.ofDone(day.done, day.due) : null,
    ]
      .filter(Boolean)
      .join(", ");
  return html`<section class="card month" aria-label=${monthYear(start)}>
    <div class="month-head">
      <button
        type="button"
        class="icon-button button-quiet"
        aria-label=${t.monthBefore}
        onClick=${() => go(addDays(start, -1).slice(0, 7))}
      >
        <${Icon} name="left" />
      </button>
      <h2 aria-live="polite">${monthYear(start)}</h2>
      <button
        type="button"
        class="icon-button button-quiet"
        aria-label=${t.monthAfter}
        onClick=${() => go(next)}
      >
        <${Icon} name="right" />
      </button>
    </div>
    <table ref=${table} onKeyDown=${keys}>
      <thead>
        <tr>
          ${weekdayNames(first).map(
            (d) => html`<th key=${d.long} scope="col"><abbr title=${d.long}>${d.short}</abbr></th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${weeks.map(
          (week, i) =>
            html`<tr key=${i}>
              ${week.map((date, k) => {
                if (!date) return html`<td key=${k}></td>`;
                const day = days[date];
                const how =
                  date > now
                    ? futureDue(date)
                      ? "come"
                      : "none"
                    : date === now && day?.due && day.done === 0
                      ? "come"
                      : dayState(day);
                const focusable = date === chosen || (!chosen.startsWith(month) && date === start);
                return html`<td key=${date}>
                  <button
                    type="button"
                    class=${cx("day", date === now && "day-today", date === chosen && "day-chosen")}
                    data-chosen=${date === chosen ? "" : null}
                    tabindex=${focusable ? 0 : -1}
                    aria-pressed=${date === chosen ? "true" : "false"}
                    aria-current=${date === now ? "date" : null}
                    aria-label=${words(date, how, day)}
                    onClick=${() => choose(date)}
                  >
                    <span>${dayNumber(date)}</span>
                    ${
                      how === "none"
                        ? html`<span class="day-none"></span>`
                        : html`
                          <${DaySign}
                            state=${how}
                            share=${day ? day.done / day.due : 0}
                            size=${28}
                          />
                        `
                    }
                  </button>
                </td>`;
              })}
            </tr>`,
        )}
      </tbody>
    </table>
    <ul class="legend" aria-label=${t.signsMean}>
      ${["done", "partly", "missed", "skipped", "come"].map(
        (how) => html`<li key=${how}>
          <${DaySign} state=${how} share=${0.6} size=${24} />
          ${t.dayWords[how]}
        </li>`,
      )}
    </ul>
  </section>`;
}

function Day({ date, day }) {
  const now = today();
  const rows = useMemo(() => {
    const found = [];
    for (const step of Object.values(state.steps)) {
      if (step.as_needed) continue;
      const answers = (state.checkIns[step.id] || []).filter(
        (c) => c.slot && dateOf(c.slot) === date,
      );
      if (
        date === now &&
        step.schedule &&
        (step.status === "active" || step.status === "completed")
      ) {
        const due = dueSlot(step);
        for (const s of step.today || []) {
          if (dateOf(s.slot) !== date) continue;
          const answer = answers.find((c) => c.slot === s.slot);
          found.push({
            step,
            slot: s.slot,
            how: s.slot === due ? "due" : s.state === "upcoming" ? "come" : s.state,
            at: answer?.at,
          });
        }
      } else if (date > now) {
        if (runsOn(step, date))
          for (const hhmm of timesOn(step, date)) found.push({ step, hhmm, how: "come" });
      } else for (const c of answers) found.push({ step, slot: c.slot, how: c.outcome, at: c.at });
    }
    return found.sort((a, b) =>
      (a.hhmm || clockOf(a.slot)).localeCompare(b.hhmm || clockOf(b.slot)),
    );
  }, [date, state.steps, state.checkIns, state.asOf]);
  const missed = date < now && day ? day.due - day.done - day.skipped : 0;
  return html`<section class="card day-card" aria-live="polite">
    <h2>${longDay(date)}</h2>
    ${
      rows.length > 0 &&
      html`<ul>
        ${rows.map(
          (r, i) => html`<li key=${i}>
            <${DaySign} state=${r.how === "open" ? "due" : r.how} size=${28} />
            <span>
              <strong>${r.hhmm ? clockTime(r.hhmm) : slotTime(r.slot)}</strong> ${r.step.title}
              ${r.how === "come" ? "" : `, ${t.slotWords[r.how](r.at ? time(r.at) : null)}`}
            </span>
          </li>`,
        )}
      </ul>`
    }
    ${missed > 0 && html`<p class="secondary">${t.missedCount(missed)}</p>`}
    ${!rows.length && !missed && html`<p class="secondary">${t.nothingThatDay}</p>`}
  </section>`;
}

function PlanRow({ step }) {
  const course = courseOf(step, state.checkIns[step.id]);
  const added = course?.days.at(-1)?.added || 0;
  return html`<li class="plan-row">
    <a class="plan-title" href=${`#/step/${step.id}`}>${step.title}</a>
    <span class="chip">
      ${
        course?.end
          ? t.ends(shortDay(course.end))
          : step.progress?.total
            ? t.ofDone(course?.done ?? step.progress.done, step.progress.total)
            : t.noEndDate
      }
    </span>
    <p class="secondary">
      ${everyAt(step.schedule)}
      ${step.progress?.total ? "" : `, ${t.untilStopped}`}
      ${added ? ` · ${t.daysAdded(added)}` : ""}
    </p>
    ${course && html`<${Beads} course=${course} />`}
  </li>`;
}

function OwnCalendar() {
  const [url, setUrl] = useState(null);
  const [titles, setTitles] = useState(false);
  const [gone, setGone] = useState(false);
  const [off, setOff] = useState(false);
  const [asking, ask] = useState(false);
  const { busy, problem, act } = useAct();
  if (gone) return null;
  const make = () =>
    act(async () => {
      const answer = await ifServed(() =>
        call("POST", "me/calendar/", { body: titles ? { titles: true } : {} }),
      );
      if (!answer) {
        setGone(true);
        return;
      }
      setOff(false);
      setUrl(answer.data.url);
    });
  const revoke = async () => {
    await call("DELETE", "me/calendar/");
    setUrl(null);
    setOff(true);
    ask(false);
  };
  return html`<section class="card own-calendar">
    <h2>${t.ownCalendar}</h2>
    <p class="secondary">${t.ownCalendarLead}</p>
    ${
      url
        ? html`
          <label class="hidden" for="feed-url">${t.privateLink}</label>
          <input
            id="feed-url"
            class="copy"
            readonly
            value=${url}
            onFocus=${(e) => e.target.select()}
          />
          <p class="secondary">${t.linkOnce}</p>
          <div class="stack">
            <${Button} onClick=${() =>
              navigator.clipboard
                ?.writeText(url)
                .catch(() => document.getElementById("feed-url").select())}>
              ${t.copyLink}
            <//>
            <${Button} kind="outline" onClick=${() => ask(true)}>${t.switchOff}<//>
          </div>
        `
        : html`
          <${Switch}
            id="titles"
            label=${t.withTitles}
            hint=${t.withTitlesHint}
            checked=${titles}
            onChange=${setTitles}
          />
          <${Button} kind="outline" icon="calendar" className="wide" busy=${busy} onClick=${make}>
            ${t.getLink}
          <//>
          <p class="stop">
            <button type="button" class="link" onClick=${() => ask(true)}>${t.switchOffOld}</button>
          </p>
        `
    }
    ${off && html`<p role="status" class="secondary">${t.linkOff}</p>`}
    <${ProblemLine} problem=${problem} />
    ${
      asking &&
      html`<${ConfirmDialog}
        title=${t.switchOffTitle}
        lead=${t.switchOffLead}
        button=${t.switchOff}
        back=${t.keepLink}
        confirm=${revoke}
        onClose=${() => ask(false)}
      />`
    }
  </section>`;
}
