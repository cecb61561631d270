// Confirm an e-mail address: the link of the letter and the password chosen at sign-up.
import { html, useState } from "../html.js";
import { callOpen } from "../api.js";
import { Button, Field, Wrong, useAct } from "../parts/controls.js";
import { go } from "../router.js";
import { t } from "../texts.js";
import { written } from "./checks.js";
import { OpenFrame } from "./frame.js";

export default function Verify({ query }) {
  const [password, setPassword] = useState("");
  const [error, setError] = useState(null);
  const [done, setDone] = useState(false);
  const { busy, problem, act } = useAct();
  const send = (event) => {
    event.preventDefault();
    const { password } = written(event);
    setPassword(password);
    setError(password ? null : t.passwordMissing);
    if (!password) {
      document.getElementById("password").focus();
      return;
    }
    act(async () => {
      await callOpen("POST", "verify-email/", { token: query.get("token") || "", password });
      setDone(true);
    });
  };
  if (done)
    return html`<${OpenFrame} key="done" title=${t.addressConfirmed} lead=${t.addressConfirmedLead}>
      <${Button} size="large" className="wide" onClick=${() => go("/signin")}>${t.signIn}<//>
    <//>`;
  return html`<${OpenFrame} key="ask" title=${t.verifyTitle} lead=${t.verifyLead}>
    <form onSubmit=${send} novalidate>
      <${Field}
        id="password"
        label=${t.password}
        type="password"
        autocomplete="current-password"
        value=${password}
        error=${error}
        onInput=${setPassword}
      />
      <${Wrong}
        problem=${
          problem && (problem.slug === "invalid-token" ? { slug: "invalid-verify" } : problem)
        }
      />
      <${Button} type="submit" size="large" className="wide" busy=${busy}>${t.confirmAddress}<//>
    </form>
  <//>`;
}
