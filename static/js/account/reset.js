// A new password, by the link of a letter.
import { html, useState } from "../html.js";
import { callOpen } from "../api.js";
import { Button, ProblemLine } from "../parts/controls.js";
import { state } from "../store.js";
import { end } from "../session.js";
import { go } from "../router.js";
import { t } from "../texts.js";
import { checkPassword } from "./checks.js";
import { PasswordField, useForm } from "./form.js";
import { OpenFrame } from "./frame.js";

export default function Reset({ query }) {
  const [done, setDone] = useState(false);
  const { busy, problem, send, field } = useForm(
    { password: checkPassword },
    async ({ password }) => {
      await callOpen("POST", "reset-password/", { token: query.get("token") || "", password });
      if (state.phase === "in") end("reset");
      setDone(true);
    },
  );
  if (done)
    return html`<${OpenFrame} key="done" title=${t.passwordChanged} lead=${t.passwordChangedLead}>
      <${Button} size="large" className="wide" onClick=${() => go("/signin")}>${t.signIn}<//>
    <//>`;
  return html`<${OpenFrame} key="ask" title=${t.resetTitle} lead=${t.resetLead}>
    <form onSubmit=${send} novalidate>
      <${PasswordField} fresh label=${t.newPassword} ...${field("password")} />
      <${ProblemLine} problem=${problem} />
      ${problem?.slug === "invalid-token" && html`<p><a href="#/forgot">${t.askNewLink}</a></p>`}
      <${Button} type="submit" size="large" className="wide" busy=${busy}>${t.setPassword}<//>
    </form>
  <//>`;
}
