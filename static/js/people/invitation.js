// An invitation to be a carer: who invites, and accepting it with an account, old or new.
import { html, useEffect, useState } from "../html.js";
import { call, callOpen } from "../api.js";
import { OpenFrame } from "../account/frame.js";
import { checkName, checkPassword } from "../account/checks.js";
import { PasswordField, UserName, useForm } from "../account/form.js";
import { myZone } from "../account/zones.js";
import { Button, Field, Skeleton, ProblemLine, useAct } from "../parts/controls.js";
import { showSuccess } from "../messages.js";
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
      showSuccess(p.accepted);
      go("/caring", { replace: true });
    });
  return html`<${OpenFrame}
    title=${p.invitationTitle}
    lead=${`${p.invitationOf(offer.patient)} ${p.invitationAllows(offer.may, offer.notes)}`}
  >
    ${
      state.user
        ? html`
          <${ProblemLine} problem=${problem} />
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
  const p = words();
  const checks = { name: checkName, password: checkPassword };
  const { busy, problem, send, field } = useForm(checks, async ({ name, password }) => {
    const account = { name: name.trim(), password, email, role: "carer", invitation: token };
    await callOpen("POST", "signup/", { ...account, timezone: myZone(), language });
    const user = await signIn(email, password);
    go("/caring", { replace: true });
    await enter(user);
  });
  return html`<form onSubmit=${send} novalidate>
    <p class="secondary">${email}</p>
    <${UserName} email=${email} />
    <${Field} label=${t.name} autocomplete="name" ...${field("name")} />
    <${PasswordField} fresh ...${field("password")} />
    <${ProblemLine} problem=${problem} />
    <${Button} type="submit" size="large" className="wide" busy=${busy}>${p.acceptNew}<//>
  </form>`;
}
