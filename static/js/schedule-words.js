// A schedule in words: "Every day at 08:00, 13:00 and 20:00", "3 times a day, 7 days".
import { clockTime, daysBetween, weekdayNames } from "./clock.js";
import { locale, t } from "./texts.js";

const WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

export const list = (items) => new Intl.ListFormat(locale(), { type: "conjunction" }).format(items);

// Of a schedule that is still being written some times are not known: they are the patient's own.
const clocks = (schedule) => (schedule?.times || []).filter(Boolean).map(clockTime);
const isDaily = (schedule) => !schedule.weekdays && !schedule.every_months;

/** "every Monday and Friday", "on the 1st of every month"; null where a number of days says it. */
function daysWords(schedule) {
  if (schedule.every_months) return t.everyMonths(schedule.every_months, schedule.on_day);
  if (!schedule.weekdays) return null;
  const names = weekdayNames(1).map((day) => day.long);
  const days = schedule.weekdays.map((day) => names[WEEK.indexOf(day)]);
  return t.everyWeekdays(Math.max(1, Math.floor((schedule.every_days || 1) / 7)), list(days));
}

/** The times of a day: "08:00 and 20:00", or "noon (12:30)" where they follow the patient's day. */
function timesWords(schedule) {
  const times = list(clocks(schedule));
  if (schedule.times_from !== "day_parts" || !schedule.parts) return t.atTime(times);
  return t.inParts(list(schedule.parts.map((part) => t.inPart[part])), times);
}

/** For the patient: every day at ... */
export function everyAt(schedule) {
  const days = daysWords(schedule) || t.everyDaysAt(schedule.every_days || 1);
  return capital(`${days} ${timesWords(schedule)}`);
}

/** Days on which a plan is due, or null for no end. */
export const roundsOf = (schedule) =>
  schedule.occurrences == null
    ? null
    : Math.ceil(schedule.occurrences / Math.max(1, schedule.times.length));

/**
 * Days that a plan runs, or null for no end; of weekdays and months, how many days it is due on.
 */
export const daysOf = (schedule) => {
  const rounds = roundsOf(schedule);
  return rounds == null || !isDaily(schedule) ? rounds : rounds * (schedule.every_days || 1);
};

const lastsWords = (schedule) => {
  const days = daysOf(schedule);
  return days == null ? null : isDaily(schedule) ? t.forDays(days) : t.forTimes(days);
};

/** For a row: "3 times a day, 7 days". */
export function howOften(step) {
  if (step.as_needed) return t.asNeededWords;
  const { schedule } = step;
  if (!schedule) return t.onceWords;
  if (schedule.occurrences === 1) return t.onceUntilDone;
  const days = daysWords(schedule);
  const often = days
    ? t.howOftenOn(schedule.times.length, days)
    : t.howOften(schedule.times.length, schedule.every_days || 1);
  const parts =
    schedule.times_from === "day_parts" && schedule.parts
      ? list(schedule.parts.map((part) => t.inPart[part]))
      : null;
  return [often, parts, lastsWords(schedule)].filter(Boolean).join(", ");
}

/** Words as they begin a line. */
export const capital = (words) => words.charAt(0).toLocaleUpperCase() + words.slice(1);

/** What differs between two steps that are one to a reader: [before, after] in words. */
export function changeWords(before, after) {
  const often = [howOften(before), howOften(after)];
  if (often[0] !== often[1]) return often;
  const times = [before, after].map((s) => clocks(s.schedule).join(", "));
  if (times[0] !== times[1]) return times;
  const details = [before.detail || t.noDetail, after.detail || t.noDetail];
  return details[0] !== details[1] ? details : [null, often[1]];
}

/** For the doctor: "08:00, 13:00, 20:00 · 7 days · a missed day is added". */
export function scheduleLine(step) {
  if (step.as_needed)
    return [t.asNeededLine, limitsWords(step.limits), step.detail].filter(Boolean).join(" · ");
  const { schedule } = step;
  if (!schedule) return [capital(t.onceWords), step.detail].filter(Boolean).join(" · ");
  const days = daysOf(schedule);
  const every = daysWords(schedule)
    ? ` ${daysWords(schedule)}`
    : schedule.every_days > 1
      ? ` ${t.everyDays(schedule.every_days)}`
      : schedule.times.length === 1
        ? ` ${t.dailyWord}`
        : "";
  const parts = [
    clocks(schedule).join(", ") + every,
    schedule.occurrences === 1 ? t.onceUntilDone : lastsWords(schedule) || t.noEnd,
  ];
  if (schedule.times_from === "day_parts" && schedule.parts)
    parts.unshift(capital(list(schedule.parts.map((part) => t.inPart[part]))));
  if (step.detail) parts.push(step.detail.replace(/\.$/, ""));
  if (days > 1) parts.push(schedule.miss_policy === "fixed" ? t.fixedEnd : t.missedAdded);
  return parts.join(" · ");
}

/** "at least 6 hours apart, at most 4 in 24 hours", or null. */
export const limitsWords = (limits) =>
  limits
    ? [
        limits.min_gap_hours && t.hoursApart(limits.min_gap_hours),
        limits.max_per_day && t.usesMost(limits.max_per_day),
      ]
        .filter(Boolean)
        .join(", ")
    : null;

/** A schedule as an author sends it: days counted from the day of the note. */
export const scheduleBody = (schedule, noteDate) => ({
  start_in_days: Math.max(0, daysBetween(noteDate, schedule.start_date)),
  ...(schedule.parts ? { parts: schedule.parts, times_from: schedule.times_from } : {}),
  ...(!schedule.parts && schedule.times_from === "reminder_time"
    ? { times_per_day: schedule.times.length }
    : {}),
  ...(schedule.times_from === "note" || !schedule.times_from
    ? { times: schedule.times.filter(Boolean) }
    : {}),
  every_days: schedule.every_days || 1,
  ...(schedule.weekdays ? { weekdays: schedule.weekdays } : {}),
  ...(schedule.every_months
    ? { every_months: schedule.every_months, on_day: schedule.on_day }
    : {}),
  ...(isDaily(schedule)
    ? { duration_days: daysOf(schedule) }
    : { occurrences: schedule.occurrences }),
  miss_policy: schedule.miss_policy,
});
