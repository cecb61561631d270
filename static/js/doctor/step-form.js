// A step being edited in its row, or written by hand: words, times, days.
import { html, useEffect, useRef, useState } from "../html.js";
import { Button, Field } from "../parts/controls.js";
import { today, weekdayNames } from "../clock.js";
import { daysOf } from "../schedule-words.js";
import { t } from "../texts.js";

const CLOCK = /^([01]?\d|2[0-3])(?:[:.h]([0-5]\d))?([ap]m)?$/;
const PARTS = ["morning", "noon", "evening", "bedtime"];
const WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MAX_DAYS = 1000;

// "8:30", "8.30", "8h30", "8am", "8:30 p.m."; a bare number is no time.
function oneTime(part) {
  const [, hour, minute, half] = part.match(CLOCK) || [];
  if (!hour || (!minute && !half) || (half && (Number(hour) < 1 || Number(hour) > 12))) return null;
  const hours = half ? (Number(hour) % 12) + (half === "pm" ? 12 : 0) : Number(hour);
  return `${String(hours).padStart(2, "0")}:${minute || "00"}`;
}

/** "8:00, 1 pm" as ["08:00", "13:00"], or null when it is not a list of times. */
export function parseTimes(text) {
  const plain = text.toLowerCase().replace(/(\d)\s*([ap])\.?\s?m\.?(?=[\s,;]|$)/g, "$1$2m");
  const parts = plain.split(/[\s,;]+/).filter(Boolean);
  const times = parts.map(oneTime);
  return parts.length && times.every(Boolean) ? [...new Set(times)].sort() : null;
}

/** What a schedule's form begins with. */
function fieldsOf(schedule) {
  const was = schedule || {};
  const ownTimes = was.times_from !== "day_parts";
  return {
    times: !schedule ? "09:00" : ownTimes ? was.times.join(", ") : "",
    parts: was.times_from === "day_parts" ? was.parts : [],
    on: was.every_months ? "months" : was.weekdays ? "weekdays" : "days",
    every: String(was.every_days || 1),
    weekdays: was.weekdays || [],
    months: String(was.every_months || 1),
    onDay: String(was.on_day || 1),
    days: schedule ? String(daysOf(was) ?? "") : "7",
    miss: was.miss_policy || "extend",
  };
}

const isWhole = (text, most) =>
  /^\d+$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= most;

/** What is wrong in these fields: a sentence for each. */
function wrongIn(f) {
  return {
    times: f.times.trim()
      ? parseTimes(f.times)
        ? null
        : t.timesWrong
      : f.parts.length
        ? null
        : t.timesWrong,
    days: f.days.trim() && !isWhole(f.days, MAX_DAYS) ? t.daysWrong : null,
    every: f.on === "days" && !isWhole(f.every, 366) ? t.daysWrong : null,
    weekdays: f.on === "weekdays" && !f.weekdays.length ? t.weekdaysMissing : null,
    onDay: f.on === "months" && f.onDay !== "last" && !isWhole(f.onDay, 31) ? t.onDayWrong : null,
    months: f.on === "months" && !isWhole(f.months, 24) ? t.onDayWrong : null,
  };
}

/** The schedule of these fields, as a step shows it; unchanged fields leave it as it was. */
function scheduleOf(f, was) {
  if (was && JSON.stringify(fieldsOf(was)) === JSON.stringify(f)) return was;
  const list = f.times.trim() ? parseTimes(f.times) : [];
  const before = was ? fieldsOf(was) : null;
  const sameTimes = before && before.times === f.times && before.parts.join() === f.parts.join();
  const parts = PARTS.filter((part) => f.parts.includes(part));
  // The patient's own times of these parts are not known here: null stands for each.
  const times = sameTimes ? was.times : [...list, ...parts.map(() => null)];
  const from = sameTimes
    ? was.times_from
    : !parts.length
      ? "note"
      : list.length
        ? null
        : "day_parts";
  const every =
    f.on === "days" ? Number(f.every) : f.on === "weekdays" && was?.weekdays ? was.every_days : 1;
  const rounds = !f.days.trim()
    ? null
    : f.on === "days"
      ? Math.ceil(Number(f.days) / every)
      : Number(f.days);
  return {
    ...(was || { start_date: today() }),
    times,
    times_from: from,
    parts: sameTimes ? was.parts : parts.length ? parts : null,
    every_days: every,
    weekdays: f.on === "weekdays" ? WEEK.filter((day) => f.weekdays.includes(day)) : null,
    every_months: f.on === "months" ? Number(f.months) : null,
    on_day: f.on === "months" ? (f.onDay === "last" ? "last" : Number(f.onDay)) : null,
    occurrences: rounds === null ? null : times.length * rounds,
    miss_policy: f.miss,
  };
}

/** Boxes to tick, several of them. */
function Ticks({ id, legend, options, value, error, onChange }) {
  const toggle = (key) =>
    onChange(value.includes(key) ? value.filter((one) => one !== key) : [...value, key]);
  return html`<fieldset class="ticks" aria-describedby=${error ? `${id}-error` : null}>
    <legend>${legend}</legend>
    <div>
      ${options.map(
        ([key, label]) => html`<label key=${key} class="tick">
          <input type="checkbox" checked=${value.includes(key)} onChange=${() => toggle(key)} />
          <span>${label}</span>
        </label>`,
      )}
    </div>
    ${error && html`<p class="field-error" id=${`${id}-error`}>${error}</p>`}
  </fieldset>`;
}

function Select({ value, onChange, options, ...shared }) {
  return html`<select ...${shared} value=${value} onChange=${(e) => onChange(e.target.value)}>
    ${options.map(
      ([key, label]) => html`<option key=${key} value=${key} selected=${key === value}>
        ${label}
      </option>`,
    )}
  </select>`;
}

const MONTH_DAYS = () => [
  ...[...Array(31)].map((_, i) => [String(i + 1), String(i + 1)]),
  ["last", t.lastDay],
];

function WhenFields({ f, put, id, errors }) {
  const days = weekdayNames(1);
  return html`
    <${Ticks}
      id=${id("parts")}
      legend=${t.partsWord}
      value=${f.parts}
      onChange=${put("parts")}
      options=${PARTS.map((part) => [part, t.dayParts[part]])}
    />
    <div class="form-row">
      <${Field}
        id=${id("times")}
        label=${t.atWord}
        value=${f.times}
        error=${errors.times}
        onInput=${put("times")}
        inputmode="text"
      />
      <${Field}
        id=${id("days")}
        label=${f.on === "days" ? t.daysWord : t.roundsWord}
        value=${f.days}
        error=${errors.days}
        inputmode="numeric"
        placeholder=${t.noEnd}
        onInput=${put("days")}
      />
      ${
        f.on === "days" &&
        html`
          <${Field}
            id=${id("every")}
            label=${t.everyWord}
            type="number"
            min="1"
            max="366"
            value=${f.every}
            error=${errors.every}
            onInput=${put("every")}
          />
        `
      }
      <${Field} id=${id("on")} label=${t.onWord}>
        ${(shared) => html`
          <${Select}
            ...${shared}
            value=${f.on}
            onChange=${put("on")}
            options=${[
              ["days", t.onDays],
              ["weekdays", t.onWeekdays],
              ["months", t.onMonths],
            ]}
          />
        `}
      <//>
      ${
        f.on === "months" &&
        html`
          <${Field}
            id=${id("months")}
            label=${t.everyMonthsWord}
            type="number"
            min="1"
            max="24"
            value=${f.months}
            error=${errors.months}
            onInput=${put("months")}
          />
          <${Field} id=${id("on-day")} label=${t.onDayWord} error=${errors.onDay}>
            ${(shared) => html`
              <${Select}
                ...${shared}
                value=${f.onDay}
                onChange=${put("onDay")}
                options=${MONTH_DAYS()}
              />
            `}
          <//>
        `
      }
      <${Field} id=${id("miss")} label=${t.ifMissed}>
        ${(shared) => html`
          <${Select}
            ...${shared}
            value=${f.miss}
            onChange=${put("miss")}
            options=${[
              ["extend", t.addADay],
              ["fixed", t.keepTheEnd],
            ]}
          />
        `}
      <//>
    </div>
    ${
      f.on === "weekdays" &&
      html`
        <${Ticks}
          id=${id("weekdays")}
          legend=${t.onWeekdays}
          value=${f.weekdays}
          error=${errors.weekdays}
          onChange=${put("weekdays")}
          options=${WEEK.map((day, i) => [day, days[i].long])}
        />
      `
    }
  `;
}

export function StepForm({ step, isNew, onSave, onCancel }) {
  const [title, setTitle] = useState(step.title);
  const [detail, setDetail] = useState(step.detail || "");
  const [often, setOften] = useState(step.schedule || !isNew ? "plan" : "once");
  const [fields, setFields] = useState(() => fieldsOf(step.schedule));
  const [errors, setErrors] = useState({});
  const form = useRef(null);
  useEffect(() => {
    form.current.querySelector("input").focus();
    form.current.scrollIntoView({ block: "nearest" });
  }, []);
  const scheduled = isNew ? often === "plan" : Boolean(step.schedule);
  const id = (name) => `edit-${step.key || "new"}-${name}`;
  const put = (name) => (value) =>
    setFields((was) => ({ ...was, ...(name === "times" && unticked(was)), [name]: value }));
  // Times written over the note's parts of the day stand instead of them; a box ticked after that
  // adds its time.
  const unticked = (was) =>
    !was.times && was.parts.join() === fieldsOf(step.schedule).parts.join() ? { parts: [] } : {};
  const save = (event) => {
    event.preventDefault();
    const found = {
      title: title.trim() ? (title.trim().length > 120 ? t.titleLong : null) : t.titleMissing,
      ...(scheduled ? wrongIn(fields) : {}),
    };
    setErrors(found);
    if (Object.values(found).some(Boolean)) return;
    const schedule = scheduled ? scheduleOf(fields, step.schedule) : null;
    onSave({ title: title.trim(), detail: detail.trim() || null, schedule });
  };
  return html`<form class="step-form" ref=${form} onSubmit=${save} novalidate>
    <${Field}
      id=${id("title")}
      label=${t.stepWord}
      value=${title}
      error=${errors.title}
      maxlength="120"
      onInput=${setTitle}
    />
    <${Field}
      id=${id("detail")}
      label=${t.detailWord}
      value=${detail}
      maxlength="500"
      onInput=${setDetail}
    />
    ${
      isNew &&
      html`<${Field} id=${id("often")} label=${t.howOftenWord}>
        ${(shared) => html`
          <${Select}
            ...${shared}
            value=${often}
            onChange=${setOften}
            options=${[
              ["once", t.onceNoReminders],
              ["plan", t.withReminders],
            ]}
          />
        `}
      <//>`
    }
    ${scheduled && html`<${WhenFields} f=${fields} put=${put} id=${id} errors=${errors} />`}
    ${step.quote && html`<blockquote class="quoted-block">“${step.quote}”</blockquote>`}
    <div class="form-buttons">
      <${Button} type="submit">${t.saveStep}<//>
      <${Button} kind="quiet" onClick=${onCancel}>${t.cancel}<//>
    </div>
  </form>`;
}
