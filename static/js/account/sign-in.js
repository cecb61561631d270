// Sign in.
import { html, useEffect, useState } from "../html.js";
import { Button, ProblemLine } from "../parts/controls.js";
import { Icon } from "../parts/icon.js";
import { rememberSession } from "../device.js";
import { enter } from "../start.js";
import { signIn, signInBy } from "../session.js";
import { callOpen } from "../http.js";
import { go, here } from "../router.js";
import { state } from "../store.js";
import { t } from "../texts.js";
import { checkEmail } from "./checks.js";
import { EmailField, PasswordField, requirePassword, useForm } from "./form.js";
import { OpenFrame } from "./frame.js";

export default function SignIn() {
  const [options, setOptions] = useState({ password: true, provider: null });
  const [step, setStep] = useState(null); // the second one: what is asked, and the part that asks
  const [passkeys, setPasskeys] = useState(null); // the module, where this browser can use them
  const checks = { email: checkEmail, password: requirePassword };
  const { busy, problem, act, send, field } = useForm(checks, async ({ email, password }) => {
    try {
      await enterAs(await signIn(email.trim(), password));
    } catch (wrong) {
      if (wrong.slug !== "second-factor") throw wrong;
      const { default: Part } = await import("./second-step.js");
      setStep({ Part, asked: wrong });
    }
  });
  useEffect(() => {
    callOpen("GET", "sign-in/").then(
      ({ data }) => setOptions(data),
      () => {
        /* then by password, as far as this page knows */
      },
    );
    if (window.PublicKeyCredential)
      import("./passkeys.js").then(
        (module) => module.canUsePasskeys() && setPasskeys(module),
        () => {
          /* then without */
        },
      );
  }, []);
  const enterAs = async (user) => {
    const asked = here().path;
    if (["/", "/signin", "/signup", "/forgot"].includes(asked)) go("/", { replace: true });
    await enter(user);
  };
  const byPasskey = () =>
    act(async () => {
      const { data } = await callOpen("POST", "passkeys/options/", {});
      const assertion = await passkeys.usePasskey(data.options);
      if (assertion) await enterAs(await signInBy("token/", { assertion, session: "cookie" }));
    });
  const byProvider = () => {
    rememberSession(); // the page that comes back looks for its session
    const next = encodeURIComponent(`/${location.hash}`);
    location.assign(`${options.provider.start}?next=${next}`);
  };
  if (step)
    return html`<${OpenFrame} title=${t.secondStep} lead=${t.secondStepLead}>
      <${step.Part} asked=${step.asked} onIn=${enterAs} onOver=${() => setStep(null)} />
    <//>`;
  const erased = state.endedWhy === "erased";
  return html`<${OpenFrame}
    title=${erased ? t.erased : t.welcomeBack}
    lead=${erased ? t.erasedLead : t.signInLead}
  >
    ${
      state.endedWhy === "expired" &&
      html`<p class="notice"><${Icon} name="info" /><span>${t.sessionEnded}</span></p>`
    }
    ${
      state.noAnswer &&
      html`<p class="notice"><${Icon} name="offline" /><span>${t.noAnswer}</span></p>`
    }
    ${
      options.provider &&
      html`<${Button} size="large" className="wide" onClick=${byProvider}>
        ${t.signInAt(options.provider.name)}
      <//>`
    }
    ${
      options.password &&
      html`<form onSubmit=${send} novalidate>
      <${EmailField} ...${field("email")} />
      <${PasswordField} ...${field("password")} />
      <${ProblemLine}
        problem=${problem && (problem.status === 401 ? { slug: "wrong-credentials" } : problem)}
      />
      <${Button}
        type="submit"
        size="large"
        kind=${options.provider ? "outline" : "main"}
        className="wide"
        busy=${busy}
      >
        ${t.signIn}
      <//>
    </form>
    ${
      passkeys &&
      html`<p><${Button} kind="outline" className="wide" disabled=${busy} onClick=${byPasskey}>
        ${t.signInByPasskey}
      <//></p>`
    }
    <p><a href="#/forgot">${t.forgot}</a></p>
    <p><a href="#/signup">${t.createAccount}</a></p>`
    }
  <//>`;
}
