// Sign in.
import { html, useState } from "../html.js";
import { Button, Field, Wrong, useAct } from "../parts/controls.js";
import { Icon } from "../parts/icon.js";
import { enter } from "../start.js";
import { signIn } from "../session.js";
import { go, here } from "../router.js";
import { state } from "../store.js";
import { t } from "../texts.js";
import { checkEmail, written } from "./checks.js";
import { OpenFrame } from "./frame.js";

export default function SignIn() {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [errors, setErrors] = useState({});
  const { busy, problem, act } = useAct();
  const send = (event) => {
    event.preventDefault();
    const { email, password } = written(event);
    setEmail(email);
    setPassword(password);
    const found = { email: checkEmail(email), password: password ? null : t.passwordMissing };
    setErrors(found);
    if (found.email || found.password) {
      document.getElementById(found.email ? "email" : "password").focus();
      return;
    }
    act(async () => {
      const user = await signIn(email.trim(), password);
      const asked = here().path;
      if (["/", "/signin", "/signup", "/forgot"].includes(asked)) go("/", { replace: true });
      await enter(user);
    });
  };
  return html`<${OpenFrame} title=${t.welcomeBack} lead=${t.signInLead}>
    ${
      state.endedWhy === "expired" &&
      html`<p class="notice"><${Icon} name="info" /><span>${t.sessionEnded}</span></p>`
    }
    ${
      state.noAnswer &&
      html`<p class="notice"><${Icon} name="offline" /><span>${t.noAnswer}</span></p>`
    }
    <form onSubmit=${send} novalidate>
      <${Field}
        id="email"
        label=${t.email}
        type="email"
        autocomplete="username"
        inputmode="email"
        value=${email}
        error=${errors.email}
        onInput=${setEmail}
      />
      <${Field}
        id="password"
        label=${t.password}
        type="password"
        autocomplete="current-password"
        value=${password}
        error=${errors.password}
        onInput=${setPassword}
      />
      <${Wrong}
        problem=${problem && (problem.status === 401 ? { slug: "wrong-credentials" } : problem)}
      />
      <${Button} type="submit" size="large" className="wide" busy=${busy}>${t.signIn}<//>
    </form>
    <p><a href="#/forgot">${t.forgot}</a></p>
    <p><a href="#/signup">${t.createAccount}</a></p>
  <//>`;
}
