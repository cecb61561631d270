// Dates and times as the reader knows them: in the time zone of the account and the locale of the
// browser.
import { locale, t } from "./texts.js";
import { state } from "./store.js";

const made = new Map();
function formatter(options) {
  const key = locale() + JSON.stringify(options);
  if (!made.has(key)) {
    if (made.size > 80) made.clear();
    try {
      made.set(key, new Intl.DateTimeFormat(locale(), options));
    } catch {
      made.set(key, new Intl.DateTimeFormat(locale(), { ...options, timeZone: "UTC" }));
    }
  }
  return made.get(key);
}

export const zone = () =>
  state.user?.timezone || Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const asDate = (value) => (value instanceof Date ? value : new Date(value));

/** 13:00, or 1:00 PM where that is the custom. */
export const time = (value, timeZone = zone()) =>
  formatter({ hour: "2-digit", minute: "2-digit", timeZone }).format(asDate(value));
/** The time of a slot; with its seconds where a shortened day has them. */
export const slotTime = (slot, timeZone = zone()) =>
  new Date(slot).getUTCSeconds()
    ? formatter({ hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone }).format(
        new Date(slot),
      )
    : time(slot, timeZone);
/** "09:00" as the reader writes it. */
export const clockTime = (hhmm) => time(new Date(`2026-01-01T${hhmm}:00Z`), "UTC");

const iso = new Map();
/** The local date of a moment: 2026-05-21. */
export function dateOf(value, timeZone = zone()) {
  if (!iso.has(timeZone)) {
    const parts = { year: "numeric", month: "2-digit", day: "2-digit" };
    try {
      iso.set(timeZone, new Intl.DateTimeFormat("en-CA", { ...parts, timeZone }));
    } catch {
      iso.set(timeZone, new Intl.DateTimeFormat("en-CA", { ...parts, timeZone: "UTC" }));
    }
  }
  return iso.get(timeZone).format(asDate(value));
}
const hhmm = new Map();
/** The local clock of a moment, always 24 hours, for comparing: "08:00". */
export function clockOf(value, timeZone = zone()) {
  if (!hhmm.has(timeZone))
    hhmm.set(
      timeZone,
      new Intl.DateTimeFormat("en-GB", {
        hour: "2-digit",
        minute: "2-digit",
        hourCycle: "h23",
        timeZone,
      }),
    );
  return hhmm.get(timeZone).format(asDate(value));
}
/** The moment, ms, at which clocks show that time of that date. */
export function momentAt(date, hhmm, timeZone = zone()) {
  const wall = Date.parse(`${date}T${hhmm}:00Z`);
  let at = wall;
  for (let turn = 0; turn < 2; turn += 1) {
    const shown = Date.parse(`${dateOf(new Date(at), timeZone)}T${clockOf(at, timeZone)}:00Z`);
    at += wall - shown;
  }
  return at;
}
export const today = (timeZone) => dateOf(new Date(), timeZone);
export const addDays = (date, days) =>
  new Date(Date.parse(`${date}T00:00:00Z`) + days * 86400000).toISOString().slice(0, 10);
export const daysBetween = (from, to) =>
  Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86400000);

const plainDate = (options) => (date) =>
  formatter({ ...options, timeZone: "UTC" }).format(new Date(`${date}T12:00:00Z`));
/** Thursday 21 May */
export const longDay = plainDate({ weekday: "long", day: "numeric", month: "long" });
/** Thursday 21 May 2026 */
export const fullDay = plainDate({
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
});
/** 21 May */
export const shortDay = plainDate({ day: "numeric", month: "short" });
/** 21 May 1948 */
export const datedDay = plainDate({ day: "numeric", month: "short", year: "numeric" });
/** 21 May, month in full */
export const dayMonth = plainDate({ day: "numeric", month: "long" });
/** Tuesday */
export const weekday = plainDate({ weekday: "long" });
/** Tue 19 */
export const tinyDay = plainDate({ weekday: "short", day: "numeric" });
export const dayNumber = plainDate({ day: "numeric" });
/** May 2026 */
export const monthYear = plainDate({ month: "long", year: "numeric" });
export const monthName = plainDate({ month: "long" });

/** "today 08:11", "yesterday 20:00", "18 May 21:10". */
export function when(value) {
  const date = dateOf(value);
  const gap = daysBetween(date, today());
  const day =
    gap === 0 ? t.today : gap === 1 ? t.yesterday : gap === -1 ? t.tomorrow : shortDay(date);
  return `${day} ${time(value)}`;
}
/** "at 20:00", "tomorrow at 08:00", "Monday 25 May at 08:00". */
export function nextWhen(value) {
  const date = dateOf(value);
  const gap = daysBetween(today(), date);
  if (gap === 0) return t.atTime(time(value));
  return t.dayAtTime(gap === 1 ? t.tomorrow : longDay(date), time(value));
}

/** Monday first or Sunday first, as the reader's calendar has it: 1 or 7. */
export function firstWeekday() {
  try {
    const info = new Intl.Locale(locale());
    return (info.getWeekInfo ? info.getWeekInfo() : info.weekInfo).firstDay;
  } catch {
    return 1;
  }
}
export const weekdayNames = (first) =>
  [...Array(7)].map((_, i) => {
    const date = addDays("2024-01-01", (first - 1 + i) % 7);
    return {
      short: plainDate({ weekday: "short" })(date).replace(".", "").slice(0, 2),
      long: weekday(date),
    };
  });

export function partOfDay() {
  const hour = Number(clockOf(new Date()).slice(0, 2));
  return hour < 5 ? "evening" : hour < 12 ? "morning" : hour < 18 ? "afternoon" : "evening";
}
