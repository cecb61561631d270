// Accounts: doctors who wait, search, and what an administrator may do to one.
import { html, useEffect, useState } from "../html.js";
import { call, get } from "../api.js";
import {
  Button,
  Choices,
  ConfirmDialog,
  Empty,
  Field,
  LoadFailed,
  Skeleton,
} from "../parts/controls.js";
import { words } from "../people/words.js";
import { showSuccess } from "../messages.js";
import { state } from "../store.js";
import { when } from "../clock.js";

export default function Accounts({ query }) {
  const [status, setStatus] = useState(query.get("status") || "");
  const [asked, ask] = useState("");
  const [list, setList] = useState(null);
  const [next, setNext] = useState(null);
  const [problem, setProblem] = useState(null);
  const [act, setAct] = useState(null);
  const p = words();
  const path = (cursor) =>
    `admin/accounts/?limit=50${status ? `&status=${status}` : ""}${
      asked.trim() ? `&q=${encodeURIComponent(asked.trim())}` : ""
    }${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`;
  const load = (cursor = null) =>
    get(path(cursor)).then(({ data }) => {
      setList((was) => (cursor ? [...was, ...data.items] : data.items));
      setNext(data.next);
      setProblem(null);
    }, setProblem);
  useEffect(() => {
    const timer = setTimeout(load, list ? 250 : 0);
    return () => clearTimeout(timer);
  }, [status, asked]);
  return html`
    <div class="page-head"><h1 tabindex="-1">${p.accounts}</h1></div>
    <div class="narrow col col-parts">
      <${Field}
        id="find-account"
        label=${p.findAccount}
        type="search"
        autocomplete="off"
        value=${asked}
        onInput=${ask}
      />
      <${Choices}
        name="status"
        legend=${p.accounts}
        row
        value=${status}
        onChange=${setStatus}
        options=${[
          ["pending", p.waitingOnly],
          ["", p.everybody],
          ["deactivated", p.closedOnly],
        ]}
      />
      ${
        problem
          ? html`<${LoadFailed} problem=${problem} />`
          : !list
            ? html`<${Skeleton} />`
            : !list.length
              ? html`<${Empty} sign="search" title=${p.noAccounts} />`
              : html`<ul class="card rows" aria-label=${p.accounts}>
                ${list.map(
                  (one) => html`<${Account} key=${one.id} account=${one} onAct=${setAct} />`,
                )}
              </ul>`
      }
      ${next && html`<${Button} kind="quiet" onClick=${() => load(next)}>${p.more}<//>`}
    </div>
    ${
      act &&
      html`<${Sure} ...${act} onClose=${() => setAct(null)} onDone=${() => {
        setAct(null);
        load();
      }} />`
    }
  `;
}

function Account({ account, onAct }) {
  const p = words();
  const acts =
    account.status === "pending"
      ? ["approve", "refuse"]
      : account.status === "active"
        ? ["reset-link", ...(account.id === state.user.id ? [] : ["deactivate"])]
        : [];
  const names = {
    approve: p.approve,
    refuse: p.refuse,
    "reset-link": p.resetLink,
    deactivate: p.deactivate,
  };
  return html`<li class="row row-tall">
    <span class="row-words">
      <strong>${account.name}</strong>
      <span class="secondary">${account.email}</span>
      <span class="secondary">
        ${[
          p.roles[account.role],
          p.statuses[account.status],
          p.signedUp(when(account.created_at)),
          !account.email_confirmed && p.unconfirmed,
        ]
          .filter(Boolean)
          .join(" · ")}
      </span>
      <span class="row-acts">
        ${acts.map(
          (act) => html`<${Button}
            key=${act}
            kind=${act === "approve" ? "main" : "outline"}
            size="small"
            onClick=${() => onAct({ act, account })}
          >
            ${names[act]}<span class="hidden"> ${account.name}</span>
          <//>`,
        )}
        <a class="button button-quiet button-small" href=${`#/audit?of=${account.id}`}>
          ${p.auditOfPerson}<span class="hidden"> ${account.name}</span>
        </a>
      </span>
    </span>
  </li>`;
}

function Sure({ act, account, onClose, onDone }) {
  const p = words();
  const name = account.name;
  const [title, lead, label] = {
    approve: [p.approveTitle(name), p.approveLead, p.approve],
    refuse: [p.refuseTitle(name), p.refuseLead, p.refuse],
    deactivate: [p.deactivateTitle(name), p.deactivateLead, p.deactivate],
    "reset-link": [p.resetTitle(name), p.resetLead, p.resetLink],
  }[act];
  const confirm = async () => {
    const body = act === "approve" && !account.email_confirmed ? { unverified: true } : {};
    await call("POST", `admin/accounts/${account.id}/${act}/`, { body });
    showSuccess(p.doneNow);
    onDone();
  };
  return html`<${ConfirmDialog}
    title=${title}
    lead=${account.email}
    button=${label}
    kind=${act === "approve" ? "main" : "alert"}
    confirm=${confirm}
    onClose=${onClose}
  >
    <p class="secondary">${lead}${account.email_confirmed ? "" : ` (${p.unconfirmed})`}</p>
  <//>`;
}
