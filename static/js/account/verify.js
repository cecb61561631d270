// Confirm an e-mail address: the link of the letter and the password chosen at sign-up.
import { html, useState } from "../html.js";
import { callOpen } from "../api.js";
import { Button, ProblemLine } from "../parts/controls.js";
import { go } from "../router.js";
import { t } from "../texts.js";
import { PasswordField, requirePassword, useForm } from "./form.js";
import { OpenFrame } from "./frame.js";

export default function Verify({ query }) {
  const [done, setDone] = useState(false);
  const confirm = async ({ password }) => {
    await callOpen("POST", "verify-email/", { token: query.get("token") || "", password });
    setDone(true);
  };
  const { busy, problem, send, field } = useForm({ password: requirePassword }, confirm);
  if (done)
    return html`<${OpenFrame} key="done" title=${t.addressConfirmed} lead=${t.addressConfirmedLead}>
      <${Button} size="large" className="wide" onClick=${() => go("/signin")}>${t.signIn}<//>
    <//>`;
  return html`<${OpenFrame} key="ask" title=${t.verifyTitle} lead=${t.verifyLead}>
    <form onSubmit=${send} novalidate>
      <${PasswordField} ...${field("password")} />
      <${ProblemLine}
        problem=${
          problem && (problem.slug === "invalid-token" ? { slug: "invalid-verify" } : problem)
        }
      />
      <${Button} type="submit" size="large" className="wide" busy=${busy}>${t.confirmAddress}<//>
    </form>
  <//>`;
}
