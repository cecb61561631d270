// How often an open reminder comes again within the day.
import { html } from "../html.js";
import { patchMe } from "../data.js";
import { reload } from "../feed.js";
import { showSuccess } from "../messages.js";
import { Field, ProblemLine, useAct } from "../parts/controls.js";
import { state } from "../store.js";
import { t } from "../texts.js";

const EVERY = [10, 15, 30, 60];
const MOST = [1, 2, 3, 4, 5];

const Select = ({ id, label, hint, value, options, busy, onChange }) =>
  html`<${Field} id=${id} label=${label} hint=${hint}>
    ${(shared) => html`<select
      ...${shared}
      disabled=${busy}
      value=${value}
      onChange=${(event) => onChange(event.target.value)}
    >
      ${options.map(
        ([key, words]) =>
          html`<option key=${key} value=${key} selected=${key === value}>${words}</option>`,
      )}
    </select>`}
  <//>`;

export function Repeats() {
  const { repeat_minutes: every, repeat_most: most } = state.user;
  const { busy, problem, act } = useAct();
  const change = (wanted) =>
    act(async () => {
      await patchMe(wanted);
      showSuccess(t.saved);
      await reload(); // the next reminders have moved
    });
  return html`
    <${Select}
      id="repeat-minutes"
      label=${t.repeatEvery}
      hint=${t.repeatHint}
      busy=${busy}
      value=${every ?? ""}
      options=${[["", t.repeatNever], ...EVERY.map((count) => [count, t.inMinutes(count)])]}
      onChange=${(value) => change({ repeat_minutes: value ? Number(value) : null })}
    />
    ${
      every &&
      html`
        <${Select}
          id="repeat-most"
          label=${t.repeatMost}
          busy=${busy}
          value=${most}
          options=${MOST.map((count) => [count, t.timesWord(count)])}
          onChange=${(value) => change({ repeat_most: Number(value) })}
        />
      `
    }
    <${ProblemLine} problem=${problem} />
  `;
}
