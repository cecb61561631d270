// The second step of signing in: a code of the app, a recovery code, or a passkey.
import { html, useState } from "../html.js";
import { Button, Field, ProblemLine, useAct } from "../parts/controls.js";
import { signInBy } from "../session.js";
import { t } from "../texts.js";
import { canUsePasskeys, usePasskey } from "./passkeys.js";

/** `asked` is what the service wants: its challenge, the kinds that are set up, options. */
export default function SecondStep({ asked, onIn, onOver }) {
  const [code, setCode] = useState("");
  const [error, setError] = useState(null);
  const { busy, problem, act } = useAct();
  const answer = (given) =>
    act(async () => {
      try {
        const body = { challenge: asked.challenge, ...given, session: "cookie" };
        await onIn(await signInBy("token/second-factor/", body));
      } catch (wrong) {
        if (wrong.slug === "challenge-ended") onOver();
        else throw wrong;
      }
    });
  const send = (event) => {
    event.preventDefault();
    setError(code.trim() ? null : t.codeMissing);
    if (code.trim()) answer({ code: code.trim() });
  };
  const byPasskey = async () => {
    const assertion = await usePasskey(asked.options);
    if (assertion) answer({ assertion });
  };
  const hasApp = asked.kinds.includes("totp");
  return html`
    <form onSubmit=${send} novalidate>
      <${Field}
        id="code"
        label=${hasApp ? t.codeOfApp : t.recoveryCode}
        hint=${hasApp ? t.codeHint : t.recoveryHint}
        autocomplete="one-time-code"
        value=${code}
        error=${error}
        onInput=${setCode}
      />
      <${ProblemLine} problem=${problem} />
      <${Button} type="submit" size="large" className="wide" busy=${busy}>${t.signIn}<//>
      ${
        asked.options &&
        canUsePasskeys() &&
        html`<${Button} kind="outline" className="wide" onClick=${byPasskey}>${t.usePasskey}<//>`
      }
    </form>
    <p><button type="button" class="link" onClick=${onOver}>${t.toSignIn}</button></p>
  `;
}
