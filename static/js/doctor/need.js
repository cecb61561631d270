// Why a patient stands where they stand, in words.
import { html } from "../html.js";
import { Icon } from "../parts/icon.js";
import { t } from "../texts.js";
import { when } from "../clock.js";
import { inSentence } from "../today-plan.js";

/** The reason as the service gives it: a sentence, or a code with its facts. */
export function reasonWords({ reason, need, steps_open: steps, last_check_in_at: last }) {
  if (reason && typeof reason === "object") {
    const { code, kind, ...facts } = reason;
    const words = t.needReasons[code || kind];
    if (words) return words({ ...facts, title: facts.title ? inSentence(facts.title) : null, since: facts.since ? when(facts.since) : null });
  }
  if (typeof reason === "string" && t.needReasons[reason]) return t.needReasons[reason]({ since: last ? when(last) : null });
  if (typeof reason === "string" && reason && !/^[a-z_-]+$/.test(reason)) return reason;
  if (need === "silent") return last ? t.noAnswerSince(when(last)) : t.neverCheckedIn;
  return steps ? t.stepsOpen(steps) : t.noPlanYet;
}

export function needLine(patient) {
  const tag = patient.need === "silent" ? html`<span class="tag tag-stopped"><${Icon} name="bell" size=${14} />${t.silentSlots(patient.missed_in_a_row)}</span>`
    : patient.need === "slipping" ? html`<span class="tag tag-wait">${/skip/.test(JSON.stringify(patient.reason || "")) ? t.skippedTag : t.slippingTag}</span>` : null;
  return html`${tag} <span>${reasonWords(patient)}</span>`;
}

export const sparkWords = ({ adherence, missed_in_a_row: missed }) => (adherence == null ? t.nothingDue30 : t.sparkWords(t.percent(adherence), missed));
