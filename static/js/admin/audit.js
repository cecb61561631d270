// The audit by person and time, without content.
import { html, useEffect, useState } from "../html.js";
import { get } from "../api.js";
import { Button, Empty, Field, LoadFailed, Skeleton } from "../parts/controls.js";
import { startOfDay } from "../people/carers.js";
import { words } from "../people/words.js";
import { when } from "../clock.js";
import { t } from "../texts.js";

export default function Audit({ query }) {
  const of = query.get("of") || "";
  const [from, setFrom] = useState("");
  const [list, setList] = useState(null);
  const [next, setNext] = useState(null);
  const [problem, setProblem] = useState(null);
  const p = words();
  const load = (cursor = null) => {
    const asked = new URLSearchParams({ limit: "50" });
    if (of) asked.set("of", of);
    if (from) asked.set("from", startOfDay(from));
    if (cursor) asked.set("cursor", cursor);
    return get(`admin/audit/?${asked}`).then(({ data }) => {
      setList((was) => (cursor ? [...was, ...data.items] : data.items));
      setNext(data.next);
      setProblem(null);
    }, setProblem);
  };
  useEffect(() => {
    load();
  }, [of, from]);
  const name = (list || [])
    .flatMap((one) => [one.by, ...one.of])
    .find((one) => one?.id === of)?.name;
  return html`
    <div class="page-head">
      <h1 tabindex="-1">${p.audit}${name ? `: ${name}` : ""}</h1>
      <p class="lead">${p.auditLead}</p>
    </div>
    <div class="narrow col col-parts">
      <${Field} id="audit-from" label=${p.auditFrom} type="date" value=${from} onInput=${setFrom} />
      ${
        problem
          ? html`<${LoadFailed} problem=${problem} />`
          : !list
            ? html`<${Skeleton} />`
            : !list.length
              ? html`<${Empty} sign="search" title=${p.nobodyInAudit} />`
              : html`<ul class="card log">
                ${list.map(
                  (one) => html`<li key=${one.id}>
                    <span>
                      <strong>${one.by?.name || t.accessRoles[one.role] || p.system}</strong>
                      ${" "}${t.accessAction(one.act)}
                      ${
                        one.of.some((whose) => whose.id !== one.by?.id) &&
                        html`<span class="secondary">
                          ${" · "}${one.of.map((whose) => whose.name || whose.id).join(", ")}
                        </span>`
                      }
                    </span>
                    <span class="secondary">${when(one.at)}</span>
                  </li>`,
                )}
              </ul>`
      }
      ${next && html`<${Button} kind="quiet" onClick=${() => load(next)}>${p.more}<//>`}
    </div>
  `;
}
