// The people who help a patient: invited, listed, ended.
import { html, useEffect, useState } from "../html.js";
import { call, get } from "../api.js";
import { ifServed } from "../data.js";
import { Part } from "../account/settings.js";
import { checkEmail, fieldErrors } from "../account/checks.js";
import {
  Button,
  Choices,
  ConfirmDialog,
  Field,
  Switch,
  ProblemLine,
  useAct,
} from "../parts/controls.js";
import { dateOf, dayMonth } from "../clock.js";
import { showSuccess } from "../messages.js";
import { t } from "../texts.js";
import { words } from "./words.js";

/** The end of a day that was chosen, as a moment. */
export const endOfDay = (day) => new Date(`${day}T23:59:59`).toISOString().slice(0, 19) + "Z";
export const startOfDay = (day) => new Date(`${day}T00:00:00`).toISOString().slice(0, 19) + "Z";

export function Carers() {
  const [carers, setCarers] = useState(null);
  const [inviting, invite] = useState(false);
  const [ending, end] = useState(null);
  const p = words();
  const load = () =>
    ifServed(() => get("me/carers/")).then(
      (answer) => setCarers(answer ? answer.data.items : null),
      () => {
        /* this part stays away */
      },
    );
  useEffect(() => {
    load();
  }, []);
  if (!carers) return null;
  return html`<${Part} title=${p.carers} lead=${p.carersLead} id="carers">
    ${
      carers.length
        ? html`<ul class="rows plain-rows">
          ${carers.map(
            (c) => html`<li class="row" key=${c.id}>
              <span class="row-words">
                <strong>${c.carer?.name || c.email}</strong>
                <span class="secondary">
                  ${[
                    c.status === "pending" && p.invitationWaits,
                    c.may === "answer" ? p.mayAnswer : p.maySee,
                    c.notes && p.notesToo,
                    c.until && p.until(dayMonth(dateOf(c.until))),
                  ]
                    .filter(Boolean)
                    .join(" · ")}
                </span>
              </span>
              <${Button} kind="quiet" size="small" onClick=${() => end(c)}>
                ${p.end}<span class="hidden"> ${c.carer?.name || c.email}</span>
              <//>
            </li>`,
          )}
        </ul>`
        : html`<p class="secondary">${p.noCarers}</p>`
    }
    ${
      inviting
        ? html`<${Invite}
            onDone=${() => {
              invite(false);
              load();
            }}
            onClose=${() => invite(false)}
          />`
        : html`<${Button} kind="outline" onClick=${() => invite(true)}>${p.inviteCarer}<//>`
    }
    ${
      ending &&
      html`<${End} carer=${ending} onClose=${() => end(null)} onDone=${() => {
        end(null);
        load();
      }} />`
    }
  <//>`;
}

function Invite({ onDone, onClose }) {
  const [email, setEmail] = useState("");
  const [may, setMay] = useState("see");
  const [notes, setNotes] = useState(false);
  const [until, setUntil] = useState("");
  const [errors, setErrors] = useState({});
  const { busy, problem, act } = useAct();
  const p = words();
  const send = (event) => {
    event.preventDefault();
    const wrong = checkEmail(email);
    setErrors({ email: wrong });
    if (wrong) {
      document.getElementById("carer-email").focus();
      return;
    }
    act(async () => {
      const body = { email: email.trim(), may, notes };
      if (until) body.until = endOfDay(until);
      try {
        await call("POST", "me/carers/", { body });
      } catch (refused) {
        if (refused.status !== 422 || !refused.errors.length) throw refused;
        setErrors(fieldErrors(refused));
        return;
      }
      showSuccess(p.invitationSent(body.email));
      onDone();
    });
  };
  return html`<form onSubmit=${send} novalidate>
    <${Field}
      id="carer-email"
      label=${p.carerEmail}
      hint=${p.carerEmailHint}
      type="email"
      inputmode="email"
      autocomplete="off"
      value=${email}
      error=${errors.email}
      onInput=${setEmail}
    />
    <${Choices}
      name="carer-may"
      legend=${p.carerMay}
      value=${may}
      onChange=${setMay}
      options=${[
        ["see", p.maySee],
        ["answer", p.mayAnswer],
      ]}
    />
    <${Switch} id="carer-notes" label=${p.carerNotes} checked=${notes} onChange=${setNotes} />
    <${Field}
      id="carer-until"
      label=${p.carerUntil}
      type="date"
      value=${until}
      error=${errors.until}
      onInput=${setUntil}
    />
    <${ProblemLine} problem=${problem} />
    <div class="dialog-buttons">
      <${Button} type="submit" busy=${busy}>${p.sendInvitation}<//>
      <${Button} kind="quiet" onClick=${onClose}>${t.cancel}<//>
    </div>
  </form>`;
}

function End({ carer, onClose, onDone }) {
  const p = words();
  const end = async () => {
    await call("DELETE", `me/carers/${carer.id}/`);
    showSuccess(p.ended);
    onDone();
  };
  return html`<${ConfirmDialog}
    title=${p.endCarer(carer.carer?.name || carer.email)}
    lead=${p.endCarerLead}
    button=${p.endNow}
    kind="alert"
    confirm=${end}
    onClose=${onClose}
  />`;
}
