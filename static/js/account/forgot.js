// Forgotten password: a letter with a link, the same words whether or not the address is known.
import { html, useState } from "../html.js";
import { callOpen } from "../api.js";
import { Button, ProblemLine } from "../parts/controls.js";
import { t } from "../texts.js";
import { checkEmail } from "./checks.js";
import { EmailField, useForm } from "./form.js";
import { OpenFrame } from "./frame.js";

export default function Forgot() {
  const [sent, setSent] = useState(false);
  const { values, busy, problem, send, field } = useForm(
    { email: checkEmail },
    async ({ email }) => {
      await callOpen("POST", "forgot-password/", { email: email.trim() });
      setSent(true);
    },
  );
  if (sent)
    return html`
      <${OpenFrame} key="sent" title=${t.letterSent} lead=${t.letterSentReset(values.email.trim())}>
        <p><a href="#/signin">${t.toSignIn}</a></p>
      <//>
    `;
  return html`<${OpenFrame} key="ask" title=${t.forgotTitle} lead=${t.forgotLead}>
    <form onSubmit=${send} novalidate>
      <${EmailField} ...${field("email")} />
      <${ProblemLine} problem=${problem} />
      <${Button} type="submit" size="large" className="wide" busy=${busy}>${t.sendLink}<//>
    </form>
    <p><a href="#/signin">${t.toSignIn}</a></p>
  <//>`;
}
