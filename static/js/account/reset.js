// A new password, by the link of a letter.
import { html, useState } from "../html.js";
import { callOpen } from "../api.js";
import { Button, Field, Wrong, useAct } from "../parts/controls.js";
import { state } from "../store.js";
import { end } from "../session.js";
import { go } from "../router.js";
import { t } from "../texts.js";
import { checkPassword, fieldErrors, written } from "./checks.js";
import { OpenFrame } from "./frame.js";

export default function Reset({ query }) {
  const [password, setPassword] = useState("");
  const [error, setError] = useState(null);
  const [done, setDone] = useState(false);
  const { busy, problem, act } = useAct();
  const send = (event) => {
    event.preventDefault();
    const { password } = written(event);
    setPassword(password);
    const found = checkPassword(password);
    setError(found);
    if (found) {
      document.getElementById("password").focus();
      return;
    }
    act(async () => {
      try {
        await callOpen("POST", "reset-password/", { token: query.get("token") || "", password });
      } catch (wrong) {
        if (wrong.status !== 422 || !wrong.errors.length) throw wrong;
        setError(fieldErrors(wrong).password || wrong.message);
        return;
      }
      if (state.phase === "in") end("reset");
      setDone(true);
    });
  };
  if (done)
    return html`<${OpenFrame} key="done" title=${t.passwordChanged} lead=${t.passwordChangedLead}>
      <${Button} size="large" className="wide" onClick=${() => go("/signin")}>${t.signIn}<//>
    <//>`;
  return html`<${OpenFrame} key="ask" title=${t.resetTitle} lead=${t.resetLead}>
    <form onSubmit=${send} novalidate>
      <${Field}
        id="password"
        label=${t.newPassword}
        type="password"
        autocomplete="new-password"
        value=${password}
        error=${error}
        hint=${t.passwordHint}
        onInput=${setPassword}
      />
      <${Wrong} problem=${problem} />
      ${problem?.slug === "invalid-token" && html`<p><a href="#/forgot">${t.askNewLink}</a></p>`}
      <${Button} type="submit" size="large" className="wide" busy=${busy}>${t.setPassword}<//>
    </form>
  <//>`;
}
