// Forgotten password: a letter with a link, the same words whether or not the address is known.
import { html, useState } from "../html.js";
import { callOpen } from "../api.js";
import { Button, Field, Wrong, useAct } from "../parts/controls.js";
import { t } from "../texts.js";
import { checkEmail, written } from "./checks.js";
import { OpenFrame } from "./frame.js";

export default function Forgot() {
  const [email, setEmail] = useState("");
  const [error, setError] = useState(null);
  const [sent, setSent] = useState(false);
  const { busy, problem, act } = useAct();
  const send = (event) => {
    event.preventDefault();
    const { email } = written(event);
    setEmail(email);
    const found = checkEmail(email);
    setError(found);
    if (found) {
      document.getElementById("email").focus();
      return;
    }
    act(async () => {
      await callOpen("POST", "forgot-password/", { email: email.trim() });
      setSent(true);
    });
  };
  if (sent)
    return html`
      <${OpenFrame} key="sent" title=${t.letterSent} lead=${t.letterSentReset(email.trim())}>
        <p><a href="#/signin">${t.toSignIn}</a></p>
      <//>
    `;
  return html`<${OpenFrame} key="ask" title=${t.forgotTitle} lead=${t.forgotLead}>
    <form onSubmit=${send} novalidate>
      <${Field}
        id="email"
        label=${t.email}
        type="email"
        autocomplete="username"
        inputmode="email"
        value=${email}
        error=${error}
        onInput=${setEmail}
      />
      <${Wrong} problem=${problem} />
      <${Button} type="submit" size="large" className="wide" busy=${busy}>${t.sendLink}<//>
    </form>
    <p><a href="#/signin">${t.toSignIn}</a></p>
  <//>`;
}
