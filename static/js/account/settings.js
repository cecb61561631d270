// Settings that both roles have: name, language, colours, devices, password, erasing the account.
import { html, useEffect, useState } from "../html.js";
import { call, get } from "../api.js";
import { ifServed, patchMe } from "../data.js";
import { setTheme, theme } from "../device.js";
import { Button, Choices, Field, Switch, ProblemLine, useAct } from "../parts/controls.js";
import { Icon } from "../parts/icon.js";
import { showSuccess } from "../messages.js";
import { end, signOut } from "../session.js";
import { state, redraw } from "../store.js";
import { LANGUAGES, language, t, useLanguage } from "../texts.js";
import { today, when } from "../clock.js";
import { checkName, checkPassword, checkPhone, fieldErrors } from "./checks.js";
import { PasswordField, UserName, requirePassword, useForm } from "./form.js";
import { ZoneSelect, myZone, placeOf } from "./zones.js";

export const Part = ({ title, lead, children, id }) =>
  html`<section class="card part" id=${id}>
    <h2>${title}</h2>
    ${lead && html`<p class="secondary">${lead}</p>`}
    ${children}
  </section>`;

export function Person() {
  const [name, setName] = useState(state.user.name);
  const [zone, setZone] = useState(state.user.timezone);
  const [born, setBorn] = useState(state.user.birth_date || "");
  const [phone, setPhone] = useState(state.user.phone || "");
  const [follows, setFollows] = useState(state.user.timezone_mode === "follow");
  const [errors, setErrors] = useState({});
  const { busy, problem, act } = useAct();
  const isPatient = state.user.role === "patient";
  const save = (event) => {
    event.preventDefault();
    const found = { name: checkName(name), phone: isPatient ? checkPhone(phone) : null };
    setErrors(found);
    if (found.name || found.phone) return;
    act(async () => {
      try {
        await patchMe({
          name: name.trim(),
          timezone: follows ? myZone() : zone,
          timezone_mode: follows ? "follow" : "home",
          ...(isPatient && { birth_date: born || null, phone: phone.trim() || null }),
        });
        showSuccess(t.saved);
      } catch (wrong) {
        if (wrong.status !== 422 || !wrong.errors.length) throw wrong;
        setErrors(fieldErrors(wrong));
      }
    });
  };
  return html`<${Part} title=${t.aboutYou} lead=${state.user.email}>
    <form onSubmit=${save} novalidate>
      <${Field}
        id="name"
        label=${t.name}
        autocomplete="name"
        value=${name}
        error=${errors.name}
        onInput=${setName}
      />
      ${
        isPatient &&
        html`
          <${Field}
            id="birth_date"
            type="date"
            label=${t.birthDate}
            hint=${t.contactHint}
            autocomplete="bday"
            min="1900-01-01"
            max=${today()}
            value=${born}
            error=${errors.birth_date}
            onInput=${setBorn}
          />
          <${Field}
            id="phone"
            type="tel"
            label=${t.phone}
            hint=${t.phoneHint}
            autocomplete="tel"
            maxlength="32"
            value=${phone}
            error=${errors.phone}
            onInput=${setPhone}
          />
        `
      }
      <${Field}
        id="timezone"
        label=${t.timezone}
        hint=${myZone() !== zone ? t.deviceZone(placeOf(myZone())) : t.timezoneHint}
      >
        ${(shared) => html`<${ZoneSelect} ...${shared} value=${zone} onChange=${setZone} />`}
      <//>
      <${Switch}
        id="follow-zone"
        label=${t.followZone}
        hint=${t.followZoneHint}
        checked=${follows}
        onChange=${(on) => {
          setFollows(on);
          if (on) setZone(myZone());
        }}
      />
      <${ProblemLine} problem=${problem} />
      <${Button} type="submit" kind="outline" busy=${busy} busyText=${t.saving}>${t.save}<//>
    </form>
  <//>`;
}

export function Looks() {
  const [colours, setColours] = useState(theme());
  const speak = async (tag) => {
    await useLanguage(tag);
    redraw();
    patchMe({ language: tag }).catch(() => {
      /* kept on this device; sent at the next choice */
    });
  };
  return html`<${Part} title=${t.looks}>
    <${Choices}
      name="language"
      legend=${t.languageWord}
      row
      value=${language}
      onChange=${speak}
      options=${LANGUAGES.map((tag) => [tag, t.languageNames[tag]])}
    />
    <${Choices}
      name="theme"
      legend=${t.colours}
      row
      value=${colours}
      onChange=${(v) => {
        setTheme(v);
        setColours(v);
      }}
      options=${[
        ["system", t.coloursSystem],
        ["light", t.coloursLight],
        ["dark", t.coloursDark],
      ]}
    />
  <//>`;
}

// "Chrome on Android" out of what a browser calls itself.
export function deviceName(agent) {
  if (!agent) return t.unknownDevice;
  const browser = [
    [/Edg\//, "Edge"],
    [/Firefox\//, "Firefox"],
    [/OPR\//, "Opera"],
    [/Chrom(e|ium)\//, "Chrome"],
    [/Safari\//, "Safari"],
  ].find(([p]) => p.test(agent))?.[1];
  const system = [
    [/Android/, "Android"],
    [/iPhone|iPad/, "iOS"],
    [/Windows/, "Windows"],
    [/Mac OS/, "macOS"],
    [/Linux/, "Linux"],
  ].find(([p]) => p.test(agent))?.[1];
  return browser && system ? t.browserOn(browser, system) : browser || system || agent.slice(0, 40);
}

function Devices() {
  const [sessions, setSessions] = useState(undefined);
  const { busy, problem, act } = useAct();
  const load = () =>
    ifServed(() => get("me/sessions/")).then(
      (answer) => setSessions(answer ? answer.data.items : null),
      () => setSessions(null),
    );
  useEffect(() => {
    load();
  }, []);
  if (!sessions?.length) return null;
  const stop = (id) =>
    act(async () => {
      await call("DELETE", `me/sessions/${id}/`);
      await load();
    });
  return html`<${Part} title=${t.devices} lead=${t.devicesLead}>
    <ul class="rows plain-rows">
      ${sessions.map(
        (s) => html`<li class="row" key=${s.id}>
          <span class="row-sign row-sign-note"><${Icon} name="device" size=${22} /></span>
          <span class="row-words">
            <strong>${deviceName(s.device)}</strong>
            <span class="secondary">
              ${s.current ? t.thisDevice : t.lastSeen(when(s.last_used_at))}
            </span>
          </span>
          ${
            !s.current &&
            html`<${Button} kind="quiet" size="small" disabled=${busy} onClick=${() => stop(s.id)}>
              ${t.endSession}
            <//>`
          }
        </li>`,
      )}
    </ul>
    <${ProblemLine} problem=${problem} />
  <//>`;
}

/** Second factors: this part is loaded when the page is opened. */
function SecondFactors() {
  const [Part, setPart] = useState(null);
  useEffect(() => {
    import("./factors.js").then(
      (module) => setPart(() => module.default),
      () => {
        /* this part stays away */
      },
    );
  }, []);
  return Part && html`<${Part} />`;
}

function Password() {
  const checks = { current: requirePassword, password: checkPassword };
  const form = useForm(checks, async ({ current, password }) => {
    try {
      await call("POST", "me/password/", { body: { current, password } });
    } catch (wrong) {
      if (wrong.slug !== "wrong-password") throw wrong;
      form.setErrors({ current: t.problems["wrong-password"] });
      return;
    }
    form.setValues({});
    showSuccess(t.passwordChangedHere);
  });
  return html`<${Part} title=${t.password}>
    <form onSubmit=${form.send} novalidate>
      <${UserName} email=${state.user.email} />
      <${PasswordField} label=${t.currentPassword} ...${form.field("current")} />
      <${PasswordField} fresh label=${t.newPassword} ...${form.field("password")} />
      <${ProblemLine} problem=${form.problem} />
      <${Button} type="submit" kind="outline" busy=${form.busy} busyText=${t.saving}>
        ${t.changePassword}
      <//>
    </form>
  <//>`;
}

/** Leaving for good: its dialog is fetched when somebody asks for it. */
function Leave() {
  const [Proof, setProof] = useState(null);
  const ask = () => import("./proof.js").then((module) => setProof(() => module.default));
  return html`
    <div class="leave">
      <${Button} kind="outline" className="wide" onClick=${signOut}>${t.signOut}<//>
      <p>
        <button type="button" class="link link-alert" onClick=${ask}>${t.eraseAccount}</button>
      </p>
    </div>
    ${
      Proof &&
      html`<${Proof}
        title=${t.eraseTitle}
        lead=${state.user.role === "doctor" ? t.eraseDoctor : t.eraseLead}
        act=${t.eraseEverything}
        alert
        keep=${t.keepAccount}
        send=${async (proof) => {
          await call("DELETE", "me/", { body: proof });
          end("erased");
        }}
        onClose=${() => setProof(null)}
      />`
    }
  `;
}

/** Devices, password, second factors, leaving: what every account page ends with. */
export const AccessParts = () =>
  html`<${Devices} /><${Password} /><${SecondFactors} /><${Leave} />`;
