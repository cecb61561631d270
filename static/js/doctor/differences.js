// New, Changed, Stopped, Same: what a note does to the plan before it.
import { html } from "../html.js";
import { Icon } from "../parts/icon.js";
import { changeWords } from "../schedule-words.js";
import { t } from "../texts.js";

export function Differences({ what }) {
  const row = (kind, icon, label, list, content) =>
    list.length > 0 &&
    html`<div>
      <dt>
        <span class=${`tag tag-${kind}`}>
          ${icon && html`<${Icon} name=${icon} size=${14} />`}
          ${label} ${list.length}
        </span>
      </dt>
      <dd>${content}</dd>
    </div>`;
  const titles = (list) => html`<ul>
    ${list.map((step) => html`<li key=${step.id || step.key}>${step.title}</li>`)}
  </ul>`;
  return html`<dl class="change-list">
    ${row("new", "plus", t.tagNew, what.added, titles(what.added))}
    ${row(
      "changed",
      "pencil",
      t.tagChanged,
      what.changed,
      what.changed.map(({ before, after }) => {
        const [old, now] = changeWords(before, after);
        return html`<p key=${after.id || after.key}>
          ${before.title !== after.title && html`<s>${before.title}</s> `}
          ${after.title}: ${old && html`<s>${old}</s> `}
          ${now}
        </p>`;
      }),
    )}
    ${row("stopped", "cross", t.tagStopped, what.stopped, titles(what.stopped))}
    ${what.kept && row("plain", "tick", t.tagKept, what.kept, titles(what.kept))}
    ${row("plain", null, t.tagSame, what.same, titles(what.same))}
  </dl>`;
}
