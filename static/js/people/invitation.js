// An invitation to care for somebody: who asks, and to accept with an account, old or new.
import { html, useEffect, useState } from "../html.js";
import { call, callOpen } from "../api.js";
import { OpenFrame } from "../account/frame.js";
import { checkName, checkPassword, fieldErrors, written } from "../account/checks.js";
import { myZone } from "../account/zones.js";
import { Button, Field, Skeleton, Wrong, useAct } from "../parts/controls.js";
import { sayGood } from "../messages.js";
import { go } from "../router.js";
import { signIn } from "../session.js";
import { enter } from "../start.js";
import { state } from "../store.js";
import { language, t } from "../texts.js";
import { words } from "./words.js";

export default function Invitation({ query }) {
  const token = query.get("token") || "";
  const [offer, setOffer] = useState(undefined);
  const [creating, create] = useState(false);
  const { busy, problem, act } = useAct();
  const p = words();
  useEffect(() => {
    callOpen("POST", "carers/invitation/", { token }).then(
      ({ data }) => setOffer(data),
      () => setOffer(null),
    );
  }, [token]);
  if (offer === undefined)
    return html`<${OpenFrame} title=${p.invitationTitle}><${Skeleton} /><//>`;
  if (!offer)
    return html`<${OpenFrame} title=${p.invitationGone} lead=${p.invitationGoneLead}>
      <p><a href="#/">${t.goHome}</a></p>
    <//>`;
  const accept = () =>
    act(async () => {
      await call("POST", "carers/accept/", { body: { token } });
      sayGood(p.accepted);
      go("/caring", { replace: true });
    });
  return html`<${OpenFrame}
    title=${p.invitationTitle}
    lead=${`${p.invitationOf(offer.patient)} ${p.invitationAllows(offer.may, offer.notes)}`}
  >
    ${
      state.user
        ? html`
          <${Wrong} problem=${problem} />
          <${Button} size="large" className="wide" busy=${busy} onClick=${accept}>
            ${p.acceptAs(state.user.name)}
          <//>
        `
        : creating
          ? html`<${Create} token=${token} email=${offer.email} />`
          : html`
            <${Button} size="large" className="wide" onClick=${() => create(true)}>
              ${p.acceptNew}
            <//>
            <p><a href="#/signin">${p.acceptHave}</a></p>
          `
    }
  <//>`;
}

function Create({ token, email }) {
  const [form, setForm] = useState({ name: "", password: "" });
  const [errors, setErrors] = useState({});
  const { busy, problem, act } = useAct();
  const p = words();
  const put = (name) => (value) => setForm((was) => ({ ...was, [name]: value }));
  const send = (event) => {
    event.preventDefault();
    const now = { ...form, ...written(event) };
    setForm(now);
    const found = { name: checkName(now.name), password: checkPassword(now.password) };
    setErrors(found);
    if (found.name || found.password) {
      document.getElementById(found.name ? "name" : "password").focus();
      return;
    }
    act(async () => {
      try {
        await callOpen("POST", "signup/", {
          name: now.name.trim(),
          password: now.password,
          email,
          role: "carer",
          invitation: token,
          timezone: myZone(),
          language,
        });
      } catch (wrong) {
        if (wrong.status !== 422 || !wrong.errors.length) throw wrong;
        setErrors(fieldErrors(wrong));
        return;
      }
      const user = await signIn(email, now.password);
      go("/caring", { replace: true });
      await enter(user);
    });
  };
  return html`<form onSubmit=${send} novalidate>
    <p class="secondary">${email}</p>
    <input
      type="text"
      class="hidden"
      autocomplete="username"
      value=${email}
      readonly
      tabindex="-1"
      aria-hidden="true"
    />
    <${Field}
      id="name"
      label=${t.name}
      autocomplete="name"
      value=${form.name}
      error=${errors.name}
      onInput=${put("name")}
    />
    <${Field}
      id="password"
      label=${t.password}
      type="password"
      autocomplete="new-password"
      value=${form.password}
      error=${errors.password}
      hint=${t.passwordHint}
      onInput=${put("password")}
    />
    <${Wrong} problem=${problem} />
    <${Button} type="submit" size="large" className="wide" busy=${busy}>${p.acceptNew}<//>
  </form>`;
}
