// A step being edited in its row, or written by hand: words, times, days.
import { html, useEffect, useRef, useState } from "../html.js";
import { Button, Field } from "../parts/controls.js";
import { today } from "../clock.js";
import { daysOf } from "../schedule-words.js";
import { t } from "../texts.js";

const CLOCK = /^([01]?\d|2[0-3])[:.h]([0-5]\d)$/;

/** "8:00, 13:00" as ["08:00", "13:00"], or null when it is not a list of times. */
export function parseTimes(text) {
  const parts = text.split(/[\s,;]+/).filter(Boolean);
  const times = parts.map((part) => part.match(CLOCK)).map((m) => m && `${m[1].padStart(2, "0")}:${m[2]}`);
  return parts.length && times.every(Boolean) ? [...new Set(times)].sort() : null;
}

export function StepForm({ step, isNew, onSave, onCancel }) {
  const [title, setTitle] = useState(step.title);
  const [detail, setDetail] = useState(step.detail || "");
  const [often, setOften] = useState(step.schedule || !isNew ? "plan" : "once");
  const [times, setTimes] = useState(step.schedule ? step.schedule.times.join(", ") : "09:00");
  const [days, setDays] = useState(step.schedule ? String(daysOf(step.schedule) ?? "") : "7");
  const [every, setEvery] = useState(String(step.schedule?.every_days || 1));
  const [miss, setMiss] = useState(step.schedule?.miss_policy || "extend");
  const [errors, setErrors] = useState({});
  const form = useRef(null);
  useEffect(() => { form.current.querySelector("input").focus(); form.current.scrollIntoView({ block: "nearest" }); }, []);
  const scheduled = isNew ? often === "plan" : Boolean(step.schedule);
  const id = (name) => `edit-${step.key || "new"}-${name}`;
  const save = (event) => {
    event.preventDefault();
    const list = scheduled ? parseTimes(times) : null;
    const everyDays = Number(every) || 1;
    const found = {
      title: title.trim() ? (title.trim().length > 120 ? t.titleLong : null) : t.titleMissing,
      times: scheduled && !list ? t.timesWrong : null,
      days: scheduled && days.trim() && !(Number.isInteger(Number(days)) && Number(days) >= 1 && Number(days) <= 730) ? t.daysWrong : null,
    };
    setErrors(found);
    if (Object.values(found).some(Boolean)) return;
    const change = { title: title.trim(), detail: detail.trim() || null };
    if (scheduled) {
      const was = step.schedule;
      const same = was && list.join() === was.times.join() && String(daysOf(was) ?? "") === days.trim() && everyDays === (was.every_days || 1) && miss === was.miss_policy;
      change.schedule = same ? was : {
        ...(was || { start_date: today() }), times: list, times_from: was && list.join() === was.times.join() ? was.times_from : "note", every_days: everyDays,
        occurrences: days.trim() ? list.length * Math.ceil(Number(days) / everyDays) : null, miss_policy: miss,
      };
    } else change.schedule = null;
    onSave(change);
  };
  return html`<form class="step-form" ref=${form} onSubmit=${save} novalidate>
    <${Field} id=${id("title")} label=${t.stepWord} value=${title} error=${errors.title} maxlength="120" onInput=${setTitle} />
    <${Field} id=${id("detail")} label=${t.detailWord} value=${detail} maxlength="500" onInput=${setDetail} />
    ${isNew && html`<${Field} id=${id("often")} label=${t.howOftenWord}>${(shared) => html`<select ...${shared} value=${often} onChange=${(e) => setOften(e.target.value)}><option value="once" selected=${often === "once"}>${t.onceNoReminders}</option><option value="plan" selected=${often === "plan"}>${t.withReminders}</option></select>`}<//>`}
    ${scheduled && html`<div class="form-row">
      <${Field} id=${id("times")} label=${t.atWord} value=${times} error=${errors.times} onInput=${setTimes} inputmode="text" />
      <${Field} id=${id("days")} label=${t.daysWord} value=${days} error=${errors.days} inputmode="numeric" placeholder=${t.noEnd} onInput=${setDays} />
      <${Field} id=${id("every")} label=${t.everyWord} type="number" min="1" max="366" value=${every} onInput=${setEvery} />
      <${Field} id=${id("miss")} label=${t.ifMissed}>${(shared) => html`<select ...${shared} value=${miss} onChange=${(e) => setMiss(e.target.value)}><option value="extend" selected=${miss === "extend"}>${t.addADay}</option><option value="fixed" selected=${miss === "fixed"}>${t.keepTheEnd}</option></select>`}<//></div>`}
    ${step.quote && html`<blockquote class="quoted-block">“${step.quote}”</blockquote>`}
    <div class="form-buttons"><${Button} type="submit">${t.saveStep}<//><${Button} kind="quiet" onClick=${onCancel}>${t.cancel}<//></div></form>`;
}
