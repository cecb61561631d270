// The course of a step, day by day, for the beads, the bar and their sentence.
import { addDays, clockOf, dateOf, daysBetween, today as todayDate, zone } from "./clock.js";
import { isShortDay } from "./today-plan.js";

const WEEK = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** Whether a local date is one of a schedule's days. */
export function isDayOf(schedule, date) {
  const gap = daysBetween(schedule.start_date, date);
  if (gap < 0) return false;
  const [year, month, day] = date.split("-").map(Number);
  if (schedule.every_months) {
    const [startYear, startMonth] = schedule.start_date.split("-").map(Number);
    const length = new Date(Date.UTC(year, month, 0)).getUTCDate();
    const wanted = schedule.on_day === "last" ? length : Math.min(schedule.on_day, length);
    return (
      ((year - startYear) * 12 + month - startMonth) % schedule.every_months === 0 && day === wanted
    );
  }
  if (schedule.weekdays) {
    const weeks = Math.max(1, Math.floor((schedule.every_days || 1) / 7));
    const name = WEEK[new Date(Date.UTC(year, month - 1, day)).getUTCDay()];
    return schedule.weekdays.includes(name) && Math.floor(gap / 7) % weeks === 0;
  }
  return gap % (schedule.every_days || 1) === 0;
}

/** The schedule's first day on that date or later. */
export function dayFrom(schedule, date) {
  for (let found = date, i = 0; i < 800; i += 1, found = addDays(found, 1))
    if (isDayOf(schedule, found)) return found;
  return addDays(date, 800);
}

/**
 * Days of a course with an end, else null: {days: [{number, state, added, date}], day, planned,
 * done, total, end, missed}. A day is "done", "partly", "missed", "skipped", "today" or "come";
 * `missed` are dates. Without the check-ins (not loaded, or a shortened day) the days follow from
 * the progress alone.
 */
export function courseOf(step, checkIns, timeZone = zone()) {
  const { schedule, progress } = step;
  if (!schedule || progress?.total == null || progress.total <= 1) return null;
  const perDay = Math.max(1, schedule.times?.length || 1);
  const { done, total } = progress;
  const planned = Math.ceil(total / perDay);
  if (!checkIns || isShortDay(step))
    return byProgress({ perDay, done, total, planned, active: step.status === "active" });

  const today = todayDate(timeZone);
  const born = dateOf(step.created_at, timeZone);
  const bornAt = clockOf(step.created_at, timeZone);
  const answers = new Map();
  for (const { slot, outcome } of checkIns) {
    const date = dateOf(slot, timeZone);
    const day = answers.get(date) || { done: 0, skipped: 0 };
    if (day[outcome] !== undefined) day[outcome] += 1;
    answers.set(date, day);
  }
  const days = [];
  const missed = [];
  const following = (day) => dayFrom(schedule, addDays(day, 1));
  let date = dayFrom(schedule, schedule.start_date);
  let runsToday = false;
  for (; date <= today && days.length < 800; date = following(date)) {
    const expected =
      date === born
        ? schedule.times.filter((time) => time > bornAt).length
        : date < born
          ? 0
          : perDay;
    const day = answers.get(date) || { done: 0, skipped: 0 };
    if (!expected && !day.done) continue;
    if (date === today) {
      runsToday = true;
      days.push({ date, state: day.done >= Math.max(expected, 1) ? "done" : "today" });
    } else if (day.done >= expected) days.push({ date, state: "done" });
    else if (day.done) days.push({ date, state: "partly" });
    else if (day.skipped) days.push({ date, state: "skipped" });
    else {
      days.push({ date, state: "missed" });
      missed.push(date);
    }
  }
  const now = days.length;
  if (step.status === "active") {
    const open = runsToday
      ? (step.today || []).filter((s) => s.state === "upcoming" || s.state === "open").length
      : 0;
    const left =
      schedule.miss_policy === "fixed"
        ? planned - days.length
        : Math.ceil(Math.max(0, total - done - open) / perDay);
    for (let i = 0; i < left && days.length < 800; i += 1, date = following(date))
      days.push({ date, state: "come" });
  }
  days.forEach((day, i) => {
    day.number = i + 1;
    day.added = i + 1 > planned ? i + 1 - planned : 0;
  });
  return {
    days,
    day: Math.max(1, now),
    planned: Math.max(planned, 1),
    length: days.length,
    done,
    total,
    perDay,
    end: days.at(-1)?.date || null,
    missed,
    exact: true,
  };
}

function byProgress({ perDay, done, total, planned, active }) {
  const full = Math.min(planned, Math.floor(done / perDay));
  const days = [...Array(planned)].map((_, i) => ({
    number: i + 1,
    added: 0,
    state: i < full ? "done" : i === full && active ? "today" : "come",
  }));
  return {
    days,
    day: Math.min(planned, full + 1),
    planned,
    length: planned,
    done,
    total,
    perDay,
    end: null,
    missed: [],
    exact: false,
  };
}

/** What a step's slots on one local date are, by its schedule: ["08:00", ...]. */
export function timesOn(step, date) {
  const { schedule } = step;
  if (!schedule || step.as_needed || step.status !== "active") return [];
  return isDayOf(schedule, date) ? schedule.times || [] : [];
}

/** The last local date on which the step still runs, or null when it has no end. */
export function endOf(step, checkIns, timeZone) {
  const course = courseOf(step, checkIns, timeZone);
  if (course) return course.end;
  return step.schedule && step.progress?.total === 1
    ? step.today?.length
      ? dateOf(step.today[0].slot, timeZone)
      : null
    : null;
}
