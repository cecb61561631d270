// A patient's clock, derived from their plan: the times of a schedule beside the moments
// at which they fall. A plan of calendar days alone can tell; in a shortened day clock times mean
// nothing.
import { clockOf, dateOf, time } from "../clock.js";
import { isShortDay } from "../today-plan.js";

const DAY_MIN = 1440;
const EAST_MOST = 14 * 60;
const minutes = (hhmm) => Number(hhmm.slice(0, 2)) * 60 + Number(hhmm.slice(3));

function offsetByPlan(step) {
  const { schedule, today = [], next_reminder_at: next } = step;
  if (!schedule || step.as_needed || isShortDay(step)) return null;
  // Of a day that is cut short at its beginning the last times are left.
  const times = today.length ? schedule.times.slice(-today.length) : schedule.times;
  const moments = today.length ? today.map((s) => s.slot) : next ? [next] : [];
  if (!moments.length || moments.length !== times.length) return null;
  const found = new Set(
    moments.map((moment, i) => {
      const ahead = (minutes(times[i]) - minutes(clockOf(moment, "UTC")) + 2 * DAY_MIN) % DAY_MIN;
      return ahead < EAST_MOST ? ahead : ahead - DAY_MIN;
    }),
  );
  return found.size === 1 ? [...found][0] : null;
}

/**
 * The clock of these steps' patient: {today(), date(moment), now} where `now` is their time of day,
 * or null when it is the reader's too. Without a plan that tells, it is the reader's clock.
 */
export function patientClock(steps) {
  const offset = (steps || []).map(offsetByPlan).find((found) => found !== null);
  const mine = { today: () => dateOf(new Date()), date: (moment) => dateOf(moment), now: null };
  if (offset === undefined) return mine;
  const shown = (moment) => new Date(new Date(moment).getTime() + offset * 60000);
  const now = Date.now();
  if (clockOf(shown(now), "UTC") === clockOf(now) && dateOf(shown(now), "UTC") === dateOf(now))
    return mine;
  return {
    today: () => dateOf(shown(Date.now()), "UTC"),
    date: (moment) => dateOf(shown(moment), "UTC"),
    now: time(shown(now), "UTC"),
  };
}
