// The difference of two plans: new, changed, stopped, same. Steps are matched by their text.
const SMALL = new Set(
  (
    "a an the of to and or for with at in on every each day days daily your you take " +
    "use keep do times time once twice week weekly " +
    "un una el la los las de del y o para con en cada dia tome use veces vez semana"
  ).split(" "),
);

const words = (title) =>
  new Set(
    title
      .normalize("NFD")
      .replace(/\p{M}/gu, "")
      .toLowerCase()
      .match(/[\p{L}]{2,}/gu)
      ?.filter((w) => !SMALL.has(w)) || [],
  );

function alike(a, b) {
  const one = words(a.title);
  const two = words(b.title);
  if (!one.size || !two.size) return a.title === b.title ? 1 : 0;
  let both = 0;
  for (const word of one) if (two.has(word)) both += 1;
  return (
    (both / Math.min(one.size, two.size)) * (both / Math.max(one.size, two.size) >= 0.34 ? 1 : 0.5)
  );
}

const plan = ({ schedule, as_needed: asNeeded, kind }) =>
  JSON.stringify(
    schedule
      ? [
          kind,
          asNeeded,
          schedule.times_from === "reminder_time"
            ? schedule.times.length
            : schedule.parts || schedule.times,
          schedule.every_days,
          schedule.weekdays,
          schedule.every_months,
          schedule.on_day,
          schedule.occurrences,
          schedule.miss_policy,
        ]
      : [kind, asNeeded],
  );
const plainText = (text) => (text || "").trim().replace(/\.$/, "").toLowerCase();
const same = (a, b) =>
  plainText(a.title) === plainText(b.title) &&
  plainText(a.detail) === plainText(b.detail) &&
  plan(a) === plan(b);

/** {added: [step], changed: [{before, after}], stopped: [step], same: [step]} */
export function changes(before, after) {
  const left = [...before];
  const result = { added: [], changed: [], stopped: [], same: [] };
  const rest = [];
  for (const step of after) {
    const twin = left.findIndex((old) => same(old, step));
    if (twin >= 0) {
      result.same.push(step);
      left.splice(twin, 1);
    } else rest.push(step);
  }
  for (const step of rest) {
    let best = -1;
    let most = 0.6;
    left.forEach((old, i) => {
      const how = alike(old, step);
      if (how >= most) {
        most = how;
        best = i;
      }
    });
    if (best >= 0) result.changed.push({ before: left.splice(best, 1)[0], after: step });
    else result.added.push(step);
  }
  result.stopped = left;
  return result;
}

/** The steps that the plan of `note` replaced, out of all steps of the patient. */
export function replacedBy(noteId, steps) {
  const own = steps.filter((s) => s.note_id === noteId);
  if (!own.length) return [];
  const from = own.map((s) => s.created_at).sort()[0];
  const others = steps.filter(
    (s) =>
      s.note_id !== noteId && s.status === "cancelled" && s.cancelled_at && s.cancelled_at >= from,
  );
  // Of those, the ones that the next plan took away are younger than this one; take the first
  // moment of taking away.
  const first = others.map((s) => s.cancelled_at).sort()[0];
  return others.filter(
    (s) => s.created_at < from && Math.abs(Date.parse(s.cancelled_at) - Date.parse(first)) < 60000,
  );
}
