// A ready answer to a question: its item as a step for the page, and as the service takes it.
import { addDays } from "../clock.js";
import { howOften, list, scheduleBody } from "../schedule-words.js";
import { locale, t } from "../texts.js";

const WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const PART_TIMES = { morning: "09:00", noon: "12:30", evening: "18:30", bedtime: "22:00" };
// What an item says of its schedule beyond what every schedule has; sent only where it is said.
const MORE = ["every_hours", "parts", "weekdays", "every_months", "on_day"];

const clock = (minutes) =>
  [Math.floor(minutes / 60) % 24, minutes % 60].map((n) => String(n).padStart(2, "0")).join(":");

// The service chooses the times; until then these stand for how many there are.
function timesOf(item) {
  if (item.times) return item.times;
  if (item.parts) return item.parts.map((part) => PART_TIMES[part]);
  const n = item.times_per_day || 1;
  const gap = item.every_hours ? item.every_hours * 60 : n === 2 ? 720 : n > 2 ? 720 / (n - 1) : 0;
  return [...Array(n)].map((_, i) => clock(540 + Math.round((i * gap) / 5) * 5)).sort();
}

function scheduleOf(item, noteDate) {
  const times = timesOf(item);
  const every = item.every_days || 1;
  const schedule = {
    start_date: addDays(noteDate, item.start_in_days || 0),
    times,
    times_from: item.times ? "note" : item.parts ? "day_parts" : "reminder_time",
    every_days: every,
    occurrences: item.duration_days ? times.length * Math.ceil(item.duration_days / every) : null,
    miss_policy: item.miss_policy || "extend",
  };
  for (const name of MORE) if (item[name] != null) schedule[name] = item[name];
  return schedule;
}

/** The option as a step that is not sent yet. `item` stays with it until its schedule is edited. */
export function stepOf({ kind, item }, noteDate) {
  return {
    kind,
    title: item.title,
    detail: item.detail || null,
    as_needed: Boolean(item.as_needed),
    limits: item.limits || null,
    schedule: kind === "plan" ? scheduleOf(item, noteDate) : null,
    item,
  };
}

const said = (from, names) =>
  Object.fromEntries(names.filter((name) => from[name] != null).map((name) => [name, from[name]]));

const itemSchedule = (item) => ({
  start_in_days: item.start_in_days || 0,
  times_per_day: item.times_per_day || 1,
  every_days: item.every_days || 1,
  duration_days: item.duration_days || null,
  miss_policy: item.miss_policy || "extend",
  ...said(item, ["times", ...MORE]),
});

/**
 * A new step as the service takes it. `text` is the note: only words that stand there are quoted.
 */
export function newStepBody(step, noteDate, text) {
  const body = {
    kind: step.schedule ? "plan" : "checklist",
    title: step.title,
    detail: step.detail || null,
  };
  if (step.as_needed) body.as_needed = true;
  if (step.limits) body.limits = step.limits;
  if (step.quote && text.includes(step.quote)) body.quote = step.quote;
  if (step.schedule) {
    body.schedule =
      step.item && !step.rescheduled
        ? itemSchedule(step.item)
        : { ...scheduleBody(step.schedule, noteDate), ...said(step.schedule, MORE.slice(1)) };
  }
  return body;
}

/** When an answer's step is due, in words: the times are not known yet. */
export function answerLine(step) {
  const { schedule } = step;
  const line = (...words) => [...words, step.detail].filter(Boolean).join(" · ");
  if (!schedule || step.as_needed) return line(howOften(step));
  const days = schedule.weekdays?.length
    ? list(
        schedule.weekdays.map((day) =>
          new Intl.DateTimeFormat(locale(), { weekday: "long", timeZone: "UTC" }).format(
            new Date(Date.UTC(2024, 0, 1 + WEEK.indexOf(day))),
          ),
        ),
      )
    : schedule.every_months
      ? t.monthsAnswered(schedule.every_months, schedule.on_day)
      : howOften(step);
  const parts = schedule.parts?.length
    ? list(schedule.parts.map((part) => t.partsOfDay[part]))
    : null;
  return line(days, parts);
}
