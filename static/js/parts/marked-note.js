// A note with its marks: each step's words highlighted and numbered, questions, dropped and
// stepless sentences underlined, and what became of every other sentence. The note is text and
// stays text.
import { html, cx, useEffect, useRef } from "../html.js";
import { t } from "../texts.js";

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Where a quote lies in the text, white space and case aside: [start, end] or null. */
export function findQuote(text, quote, from = 0) {
  for (const form of new Set([
    quote || "",
    (quote || "").normalize("NFC"),
    (quote || "").normalize("NFD"),
  ])) {
    const place = findWords(text, form, from);
    if (place) return place;
  }
  return null;
}

function findWords(text, quote, from) {
  const words = quote.trim().split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  let pattern;
  try {
    pattern = new RegExp(words.map(escape).join("\\s+"), "giu");
  } catch {
    return null;
  }
  pattern.lastIndex = from;
  const found = pattern.exec(text) || (from ? ((pattern.lastIndex = 0), pattern.exec(text)) : null);
  return found ? [found.index, found.index + found[0].length] : null;
}

/** Offsets from the service count code points; this answers units of the text. */
function unitsOf(text) {
  const points = [...text];
  if (points.length === text.length) return (point) => point;
  const starts = [0];
  for (const point of points) starts.push(starts[starts.length - 1] + point.length);
  return (point) => starts[Math.min(point, points.length)];
}

const placed = (item, text, units) =>
  Number.isInteger(item.start) && Number.isInteger(item.end) && item.end > item.start
    ? [units(item.start), units(item.end)]
    : findQuote(text, item.quote);

function marksOf(text, units, { steps, questions, dropped, unmatched }) {
  const marks = [];
  const taken = (start, end) => marks.some((m) => start < m.end && end > m.start);
  const add = (place, mark) => {
    if (!place || place[1] <= place[0]) return;
    if (!taken(...place)) marks.push({ start: place[0], end: place[1], ...mark });
  };
  for (const { step, number } of steps) {
    let place = findQuote(text, step.quote);
    while (place && taken(...place)) {
      const next = findQuote(text.slice(place[1]), step.quote);
      place = next ? [next[0] + place[1], next[1] + place[1]] : null;
    }
    add(place, { kind: "step", number, id: step.key || step.id, title: step.title });
  }
  for (const question of questions) {
    const place = placed(question, text, units);
    const same = place && marks.find((m) => place[0] < m.end && place[1] > m.start);
    const kind = question.open ? "question" : "answered";
    if (same) {
      same.asks = [...(same.asks || []), question];
      if (question.open && same.kind !== "step") same.kind = kind;
    } else add(place, { kind, asks: [question], id: question.key });
  }
  for (const item of dropped) add(findQuote(text, item.quote), { kind: "dropped" });
  for (const item of unmatched) add(placed(item, text, units), { kind: "none" });
  return marks.sort((a, b) => a.start - b.start);
}

/**
 * The stretches of a note in order: {text, mark?, head?, as?}. Where two marks overlap the first
 * wins; `head` tells the first stretch of a mark, `as` what became of the sentence.
 */
export function stretches(
  text,
  { steps = [], questions = [], dropped = [], unmatched = [], account = [] },
) {
  const units = unitsOf(text);
  const marks = marksOf(text, units, { steps, questions, dropped, unmatched });
  const fates = account.map((one) => ({
    start: units(one.start),
    end: units(one.end),
    as: one.as,
  }));
  fates.sort((a, b) => a.start - b.start);
  const cuts = [0, text.length, ...[...marks, ...fates].flatMap((one) => [one.start, one.end])];
  const places = [...new Set(cuts)].sort((a, b) => a - b);
  const out = [];
  let m = 0;
  let f = 0;
  for (let i = 0; i + 1 < places.length; i += 1) {
    const [start, end] = [places[i], places[i + 1]];
    while (m < marks.length && marks[m].end <= start) m += 1;
    while (f < fates.length && fates[f].end <= start) f += 1;
    const mark = marks[m]?.start <= start ? marks[m] : null;
    const fate = fates[f]?.start <= start ? fates[f] : null;
    out.push({
      text: text.slice(start, end),
      mark,
      head: mark?.start === start,
      as: fate?.as || null,
    });
  }
  return out;
}

export function MarkedNote({
  text,
  steps,
  questions,
  dropped,
  unmatched,
  account,
  chosen,
  onChoose,
}) {
  const ref = useRef(null);
  useEffect(() => {
    if (chosen == null) return;
    const place = ref.current?.querySelector(".mark-chosen");
    place?.scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
  }, [chosen]);
  const parts = stretches(text, { steps, questions, dropped, unmatched, account });
  return html`<div class="note-text" ref=${ref}>
    ${parts.map(
      (part, i) => html`<${Stretch} key=${i} part=${part} chosen=${chosen} onChoose=${onChoose} />`,
    )}
  </div>`;
}

function Stretch({ part: { text, mark, head, as }, chosen, onChoose }) {
  if (!mark) return as && text.trim() ? html`<span class=${`as-${as}`}>${text}</span>` : text;
  if (mark.kind !== "step" && !mark.asks)
    return html`<span class=${`mark-${mark.kind}`}>${text}</span>`;
  const asks = mark.asks || [];
  const step = mark.kind === "step";
  const on = chosen != null && (chosen === mark.id || asks.some((q) => q.key === chosen));
  const asked = asks.some((q) => q.open);
  const look = cx(step ? asked && "mark-asks" : `mark-${mark.kind}`, on && "mark-chosen");
  const discs =
    head &&
    html`
      ${asks.map(
        (q) => html`
          <button
            type="button"
            class="disc disc-ask"
            key=${q.key}
            aria-pressed=${chosen === q.key ? "true" : "false"}
            onClick=${(event) => {
              event.stopPropagation();
              onChoose(q.key);
            }}
            aria-label=${t.questionNumber(q.number, q.text)}
          >
            ${q.open ? "?" : "✓"}
          </button>
        `,
      )}
      ${
        step &&
        html`
          <button
            type="button"
            class="disc"
            aria-pressed=${chosen === mark.id ? "true" : "false"}
            aria-label=${t.stepNumber(mark.number, mark.title)}
          >
            ${mark.number}
          </button>
        `
      }
    `;
  const [, first, rest] = (head && text.match(/^(\S+)([\s\S]*)$/)) || [null, "", text];
  const inner = html`${head && html`<span class="mark-head">${discs}${first}</span>`}${rest}`;
  if (!step) return html`<span class=${look}>${inner}</span>`;
  return html`<mark class=${look || null} onClick=${() => onChoose(mark.id)}>${inner}</mark>`;
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
