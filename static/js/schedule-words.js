// A schedule in words: "Every day at 08:00, 13:00 and 20:00", "3 times a day, 7 days".
import { clockTime, daysBetween } from "./clock.js";
import { locale, t } from "./texts.js";

export const list = (items) => new Intl.ListFormat(locale(), { type: "conjunction" }).format(items);

/** For the patient: every day at ... */
export function everyAt(schedule) {
  return t.everyAt(schedule.every_days || 1, list((schedule.times || []).map(clockTime)));
}

/** Days that a plan runs, or null for no end. */
export const daysOf = (schedule) => (schedule.occurrences == null ? null : Math.ceil(schedule.occurrences / Math.max(1, schedule.times.length)) * (schedule.every_days || 1));

/** For a row: "3 times a day, 7 days". */
export function howOften(step) {
  if (step.as_needed) return t.asNeededWords;
  const { schedule } = step;
  if (!schedule) return t.onceWords;
  if (schedule.occurrences === 1) return t.onceUntilDone;
  const days = daysOf(schedule);
  return t.howOften(schedule.times.length, schedule.every_days || 1) + (days ? `, ${t.forDays(days)}` : "");
}

/** Words as they begin a line. */
export const capital = (words) => words.charAt(0).toLocaleUpperCase() + words.slice(1);

/** What differs between two steps that are one to a reader: [before, after] in words. */
export function changeWords(before, after) {
  const often = [howOften(before), howOften(after)];
  if (often[0] !== often[1]) return often;
  const times = [before, after].map((s) => (s.schedule?.times || []).map(clockTime).join(", "));
  if (times[0] !== times[1]) return times;
  const details = [before.detail || t.noDetail, after.detail || t.noDetail];
  return details[0] !== details[1] ? details : [null, often[1]];
}

/** For the doctor: "08:00, 13:00, 20:00 · 7 days · a missed day is added". */
export function scheduleLine(step) {
  if (step.as_needed) return [t.asNeededLine, step.detail].filter(Boolean).join(" · ");
  const { schedule } = step;
  if (!schedule) return [capital(t.onceWords), step.detail].filter(Boolean).join(" · ");
  const days = daysOf(schedule);
  const every = schedule.every_days > 1 ? ` ${t.everyDays(schedule.every_days)}` : schedule.times.length === 1 ? ` ${t.dailyWord}` : "";
  const parts = [schedule.times.map(clockTime).join(", ") + every, schedule.occurrences === 1 ? t.onceUntilDone : days ? t.forDays(days) : t.noEnd];
  if (step.detail) parts.push(step.detail.replace(/\.$/, ""));
  if (days > 1) parts.push(schedule.miss_policy === "fixed" ? t.fixedEnd : t.missedAdded);
  return parts.join(" · ");
}

/** A schedule as an author sends it: days counted from the day of the note. */
export const scheduleBody = (schedule, noteDate) => ({
  start_in_days: Math.max(0, daysBetween(noteDate, schedule.start_date)),
  times_per_day: schedule.times.length,
  ...(schedule.times_from === "reminder_time" ? {} : { times: schedule.times }),
  every_days: schedule.every_days || 1,
  duration_days: daysOf(schedule),
  miss_policy: schedule.miss_policy,
});
