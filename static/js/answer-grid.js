// A step's slots as a picture by day and hour: pure, for the page and its tests.
import { addDays } from "./clock.js";

/** How the slots of one day and hour were answered, as one mark. */
export function markOf(slots) {
  const how = (state) => slots.filter((slot) => slot.state === state).length;
  if (!slots.length) return "none";
  for (const state of ["done", "skipped", "missed"]) if (how(state) === slots.length) return state;
  return how("done") ? "partly" : "missed";
}

/** `days` dates that end with `last`, oldest first. */
export const datesUpTo = (last, days) =>
  [...Array(days)].map((_, i) => addDays(last, i - days + 1));

/**
 * One line for each hour at which something was due: its marks by date, and how many were done.
 * Where all slots of an hour have one time, that time names the line; `hour` does otherwise.
 */
export function hourLines(slots, dates) {
  const among = slots.filter((slot) => dates.includes(slot.date));
  const hours = [...new Set(among.map((slot) => slot.time.slice(0, 2)))].sort();
  return hours.map((hour) => {
    const own = among.filter((slot) => slot.time.startsWith(hour));
    const times = [...new Set(own.map((slot) => slot.time))];
    const byDate = grouped(own);
    return {
      hour,
      time: times.length === 1 ? times[0] : null,
      marks: dates.map((date) => markOf(byDate[date] || [])),
      due: own.length,
      done: own.filter((slot) => slot.state === "done").length,
    };
  });
}

function grouped(slots) {
  const found = {};
  for (const slot of slots) (found[slot.date] ||= []).push(slot);
  return found;
}

export function tally(slots) {
  const how = (state) => slots.filter((slot) => slot.state === state).length;
  return { due: slots.length, done: how("done"), skipped: how("skipped"), missed: how("missed") };
}
