// Create an account.
import { html, useState } from "../html.js";
import { callOpen } from "../api.js";
import { Button, Choices, Field, ProblemLine, Summary, useAct } from "../parts/controls.js";
import { enter } from "../start.js";
import { signIn } from "../session.js";
import { go } from "../router.js";
import { language, t } from "../texts.js";
import { checkEmail, checkName, checkPassword, fieldErrors, formValues } from "./checks.js";
import { EmailField, PasswordField } from "./form.js";
import { OpenFrame } from "./frame.js";
import { ZoneSelect, myZone } from "./zones.js";

export default function SignUp() {
  const [form, setForm] = useState({
    role: "patient",
    name: "",
    email: "",
    password: "",
    timezone: myZone(),
  });
  const [errors, setErrors] = useState({});
  const [sent, setSent] = useState(false);
  const { busy, problem, act } = useAct();
  const put = (name) => (value) => {
    setForm((was) => ({ ...was, [name]: value }));
    if (errors[name]) setErrors((was) => ({ ...was, [name]: null }));
  };
  const checks = { name: checkName, email: checkEmail, password: checkPassword };
  const left = (name) => () => {
    if (form[name]) setErrors((was) => ({ ...was, [name]: checks[name](form[name]) }));
  };
  const [tried, setTried] = useState({});
  const send = (event) => {
    event.preventDefault();
    const now = { ...form, ...formValues(event) };
    setForm(now);
    const found = Object.fromEntries(
      Object.entries(checks).map(([name, check]) => [name, check(now[name])]),
    );
    setErrors(found);
    setTried(found);
    if (Object.values(found).some(Boolean)) return;
    act(async () => {
      const body = { ...now, name: now.name.trim(), email: now.email.trim(), language };
      try {
        const { status } = await callOpen("POST", "signup/", body);
        if (status === 202) {
          setSent(true);
          return;
        }
        const user = await signIn(body.email, body.password);
        go("/", { replace: true });
        await enter(user);
      } catch (wrong) {
        if (wrong.status === 409) setErrors({ email: t.emailTaken });
        else if (wrong.status === 422 && wrong.errors.length) {
          const list = fieldErrors(wrong);
          setErrors(list);
          setTried(list);
        } else throw wrong;
      }
    });
  };
  if (sent)
    return html`<${OpenFrame} title=${t.letterSent} lead=${t.letterSentVerify(form.email.trim())}>
      <p><a href="#/signin">${t.toSignIn}</a></p>
    <//>`;
  return html`<${OpenFrame} title=${t.createYourAccount}>
    <form onSubmit=${send} novalidate>
      <${Summary}
        errors=${Object.fromEntries(Object.keys(tried).map((k) => [k, tried[k] && errors[k]]))}
        labels=${{ name: t.name, email: t.email, password: t.password }}
      />
      <${Choices}
        name="role"
        legend=${t.iAm}
        row
        value=${form.role}
        onChange=${put("role")}
        options=${[
          ["patient", t.aPatient],
          ["doctor", t.aDoctor],
        ]}
      />
      <${Field}
        id="name"
        label=${t.name}
        autocomplete="name"
        value=${form.name}
        error=${errors.name}
        onInput=${put("name")}
        onLeave=${left("name")}
      />
      <${EmailField}
        value=${form.email}
        error=${errors.email}
        onInput=${put("email")}
        onLeave=${left("email")}
      />
      <${PasswordField}
        fresh
        value=${form.password}
        error=${errors.password}
        onInput=${put("password")}
        onLeave=${left("password")}
      />
      <${Field} id="timezone" label=${t.timezone} hint=${t.timezoneHint}>
        ${(shared) =>
          html`<${ZoneSelect} ...${shared} value=${form.timezone} onChange=${put("timezone")} />`}
      <//>
      <${ProblemLine} problem=${problem} />
      <${Button} type="submit" size="large" className="wide" busy=${busy}>
        ${t.createAccountButton}
      <//>
    </form>
    <p>${t.haveAccount} <a href="#/signin">${t.signIn}</a></p>
  <//>`;
}
