// Who it is and how to reach them: date of birth, phone number, and that somebody called.
import { html, useState } from "../html.js";
import { call } from "../api.js";
import { datedDay, when } from "../clock.js";
import { showSuccess } from "../messages.js";
import { Button, Dialog, Field, ProblemLine, useAct } from "../parts/controls.js";
import { Icon } from "../parts/icon.js";
import { set, state } from "../store.js";
import { t } from "../texts.js";
import { words } from "./words.js";

export const Born = ({ date }) => html`<span class="born">${words().born(datedDay(date))}</span>`;

/** A number to press: what a phone dials stands in the link, what was written in the words. */
export const Phone = ({ number, button }) =>
  number &&
  html`<a
    class=${button ? "button button-outline button-small" : "tel"}
    href=${`tel:${number.replace(/[^+\d]/g, "")}`}
    aria-label=${words().callAt(number)}
  >
    <${Icon} name="phone" size=${16} />
    <span>${number}</span>
  </a>`;

export function Called({ patient }) {
  const { called } = patient;
  if (!called) return null;
  const by = called.by.id === state.user.id ? null : called.by.name || t.accessRoles.doctor;
  return html`<span class="called secondary">
    <${Icon} name="phone" size=${14} />
    ${words().called(when(called.at), by)}${
      called.text
        ? html`
            : <q>${called.text}</q>
          `
        : ""
    }
  </span>`;
}

/** The line under a patient's name on their panel, with a way to note a call. */
export function Contact({ patient, page }) {
  const [asking, ask] = useState(false);
  const own = words();
  return html`<div class="contact">
    ${patient.birth_date && html`<p class="secondary"><${Born} date=${patient.birth_date} /></p>`}
    <p class="contact-buttons">
      ${
        patient.phone
          ? html`<${Phone} number=${patient.phone} button />`
          : html`<span class="secondary">${own.noPhone}</span>`
      }
      <${Button} kind="quiet" size="small" onClick=${() => ask(true)}>${own.noteCall}<//>
    </p>
    ${!page && html`<${Called} patient=${patient} />`}
    ${asking && html`<${NoteCall} patient=${patient} onClose=${() => ask(false)} />`}
  </div>`;
}

function NoteCall({ patient, onClose }) {
  const [word, setWord] = useState("");
  const { busy, problem, act } = useAct();
  const own = words();
  const save = (event) => {
    event.preventDefault();
    act(async () => {
      const { data: called } = await call("POST", `my-patients/${patient.id}/called/`, {
        body: { text: word.trim() || null },
      });
      const patients = (state.patients || []).map((p) =>
        p.id === patient.id ? { ...p, called } : p,
      );
      set({ patients });
      onClose();
      showSuccess(own.calledNow);
    });
  };
  return html`<${Dialog} title=${own.noteCallTitle(patient.name)} onClose=${onClose}>
    <form onSubmit=${save} novalidate>
      <p class="secondary">${own.noteCallLead}</p>
      <div class="call-words">
        ${own.callWords.map(
          (ready) => html`<${Button}
            key=${ready}
            kind="outline"
            size="small"
            aria-pressed=${word === ready ? "true" : "false"}
            onClick=${() => setWord(ready)}
          >
            ${ready}
          <//>`,
        )}
      </div>
      <${Field}
        id="call-word"
        label=${own.callWord}
        value=${word}
        maxlength="200"
        autocomplete="off"
        onInput=${setWord}
      />
      <${ProblemLine} problem=${problem} />
      <div class="dialog-buttons">
        <${Button} type="submit" busy=${busy}>${own.saveCall}<//>
        <${Button} kind="quiet" onClick=${onClose}>${t.goBack}<//>
      </div>
    </form>
  <//>`;
}
