// Me: reminders, doctor, who read what, devices, password, erasing.
import { html, useEffect, useState } from "../html.js";
import { get } from "../api.js";
import { ifServed } from "../data.js";
import { choice, choose } from "../device.js";
import { allowSound, chime } from "../reminder-sound.js";
import { AccessParts, Looks, Part, Person } from "../account/settings.js";
import { Button, Switch } from "../parts/controls.js";
import { dateOf, dayMonth, when } from "../clock.js";
import { state } from "../store.js";
import { t } from "../texts.js";
import { actorName } from "./notes.js";
import { ByMail } from "./by-mail.js";
import { DayTimesForm } from "./day-times.js";
import { Push } from "./push.js";
import { Repeats } from "./repeats.js";
import { Carers } from "../people/carers.js";
import { CaringLink } from "../people/caring-link.js";

export default function Me() {
  return html`
    <div class="page-head">
      <h1 tabindex="-1">${t.pages.me}</h1>
      <p class="lead">${state.user.name}</p>
    </div>
    <div class="two">
      <div class="col col-parts">
        <${Reminders} /><${Doctor} /><${Carers} /><${CaringLink} /><${Person} /><${Looks} />
      </div>
      <div class="col col-parts">
        <${Paper} /><${AccessLog} /><${AccessParts} />
      </div>
    </div>
  `;
}

const Paper = () =>
  html`<${Part} title=${t.paperTitle} lead=${t.paperLead}>
    <a class="button button-outline" href="#/paper">${t.paperOpen}</a>
  <//>`;

function Reminders() {
  const [sound, setSound] = useState(choice("sound") === true);
  const [vibration, setVibration] = useState(choice("vibration") === true);
  return html`<${Part} title=${t.reminders}>
    <p class="secondary">${t.dayTimesHint}</p>
    <${DayTimesForm} id="reminder-time" />
    <${Repeats} />
    <${Switch}
      id="sound"
      label=${t.sound}
      hint=${t.soundHint}
      checked=${sound}
      onChange=${(on) => {
        choose("sound", on);
        setSound(on);
        if (on) {
          allowSound();
          setTimeout(chime, 100);
        }
      }}
    />
    ${
      "vibrate" in navigator &&
      html`
        <${Switch}
          id="vibration"
          label=${t.vibration}
          checked=${vibration}
          onChange=${(on) => {
            choose("vibration", on);
            setVibration(on);
            if (on) navigator.vibrate(120);
          }}
        />
      `
    }
    <${Push} />
    <${ByMail} />
  <//>`;
}

function Doctor() {
  const doctor = state.assignment?.doctor;
  return html`<${Part} title=${t.myDoctor}>
    ${
      doctor
        ? html`
          <p><strong>${doctor.name || t.yourDoctor}</strong></p>
          <p class="secondary">
            ${t.since(dayMonth(dateOf(state.assignment.since)))}
            ${state.assignment.share_history ? ` · ${t.historyShared}` : ""}
          </p>
          ${(state.assignment.cover || []).map(
            (one) => html`<p key=${one.id} class="secondary">
              ${t.coveredBy(one.name, dayMonth(dateOf(one.until)))}
            </p>`,
          )}
        `
        : html`<p class="secondary">${t.noDoctorYet}</p>`
    }
    <a class="button button-outline" href="#/doctor">${doctor ? t.changeDoctor : t.chooseDoctor}</a>
  <//>`;
}

// A page sends many requests at once: one line for each visit, none for the patient's own.
const READS = /\.(listed|read|joined|repeated)$/;
const VISIT_MS = 30 * 60000;
function visits(entries) {
  const lines = [];
  for (const entry of entries) {
    if (READS.test(entry.act) && entry.by && entry.by.id === state.user?.id) continue;
    const known = lines.find(
      (line) =>
        line.act === entry.act &&
        line.by?.id === entry.by?.id &&
        line.role === entry.role &&
        Date.parse(line.first) - Date.parse(entry.at) < VISIT_MS,
    );
    if (known) known.first = entry.at;
    else lines.push({ ...entry, first: entry.at });
  }
  return lines;
}

function AccessLog() {
  const [entries, setEntries] = useState(undefined);
  const [all, showAll] = useState(false);
  useEffect(() => {
    ifServed(() => get("me/access-log/?limit=200")).then(
      (answer) => setEntries(answer ? visits(answer.data.items) : null),
      () => setEntries(null),
    );
  }, []);
  if (!entries) return null;
  return html`<${Part} title=${t.whoReadMine} lead=${t.whoReadMineLead}>
    ${
      entries.length
        ? html`<ul class="log">
          ${entries.slice(0, all ? 200 : 6).map(
            (e, i) => html`<li key=${i}>
              <span><strong>${actorName(e)}</strong> ${t.accessAction(e.act)}</span>
              <span class="secondary">${when(e.at)}</span>
            </li>`,
          )}
        </ul>`
        : html`<p class="secondary">${t.nobodyYet}</p>`
    }
    ${
      entries.length > 6 &&
      !all &&
      html`<${Button} kind="quiet" onClick=${() => showAll(true)}>${t.showAll}<//>`
    }
  <//>`;
}
