// A note with its marks: each step's words highlighted and numbered, dropped and stepless sentences underlined.
// The note is text and stays text, whatever it holds.
import { html, cx, useEffect, useRef } from "../html.js";
import { t } from "../texts.js";

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Where a quote lies in the text, white space and case aside: [start, end] or null. */
export function findQuote(text, quote, from = 0) {
  const words = (quote || "").normalize("NFC").trim().split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  let pattern;
  try { pattern = new RegExp(words.map(escape).join("\\s+"), "giu"); } catch { return null; }
  pattern.lastIndex = from;
  const found = pattern.exec(text) || (from ? (pattern.lastIndex = 0, pattern.exec(text)) : null);
  return found ? [found.index, found.index + found[0].length] : null;
}

// Offsets from the service count code points.
const toUnits = (text, points) => [...text].slice(0, points).join("").length;

/** The stretches of a note in order: {text, mark?}. Where two overlap the earlier, longer one wins. */
export function stretches(text, { steps = [], dropped = [], unmatched = [] }) {
  const marks = [];
  const taken = (start, end) => marks.some((m) => start < m.end && end > m.start);
  const add = (place, mark) => { if (place && place[1] > place[0] && !taken(...place)) marks.push({ start: place[0], end: place[1], ...mark }); };
  for (const { step, number } of steps) {
    let place = findQuote(text, step.quote);
    while (place && taken(...place)) { const next = findQuote(text.slice(place[1]), step.quote); place = next ? [next[0] + place[1], next[1] + place[1]] : null; }
    add(place, { kind: "step", number, id: step.id, title: step.title });
  }
  for (const item of dropped) add(findQuote(text, item.quote), { kind: "dropped" });
  for (const item of unmatched) {
    const start = Number.isInteger(item.start) ? toUnits(text, item.start) : null;
    add(start !== null && Number.isInteger(item.end) ? [start, toUnits(text, item.end)] : findQuote(text, item.quote), { kind: "none" });
  }
  marks.sort((a, b) => a.start - b.start);
  const out = [];
  let at = 0;
  for (const mark of marks) {
    if (mark.start > at) out.push({ text: text.slice(at, mark.start) });
    out.push({ text: text.slice(mark.start, mark.end), mark });
    at = mark.end;
  }
  if (at < text.length) out.push({ text: text.slice(at) });
  return out;
}

export function MarkedNote({ text, steps, dropped, unmatched, chosen, onChoose }) {
  const ref = useRef(null);
  useEffect(() => {
    if (chosen == null) return;
    ref.current?.querySelector(".mark-chosen")?.scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
  }, [chosen]);
  return html`<div class="note-text" ref=${ref}>${stretches(text.normalize("NFC"), { steps, dropped, unmatched }).map(({ text: part, mark }, i) => {
    if (!mark) return part;
    if (mark.kind !== "step") return html`<span key=${i} class=${`mark-${mark.kind}`}>${part}</span>`;
    const [, first, rest] = part.match(/^(\S+)([\s\S]*)$/) || [null, part, ""];
    return html`<mark key=${i} class=${cx(chosen === mark.id && "mark-chosen")} onClick=${() => onChoose(mark.id)}><span class="mark-head"><button type="button" class="disc" aria-pressed=${chosen === mark.id ? "true" : "false"} aria-label=${t.stepNumber(mark.number, mark.title)}>${mark.number}</button>${first}</span>${rest}</mark>`;
  })}</div>`;
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
