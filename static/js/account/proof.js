// Showing again who one is, before what cannot be taken back: by what the account has.
import { html, useEffect, useState } from "../html.js";
import { callOpen, get } from "../api.js";
import { Button, Dialog, Field, ProblemLine, useAct } from "../parts/controls.js";
import { signOut } from "../session.js";
import { t } from "../texts.js";
import { canUsePasskeys, usePasskey } from "./passkeys.js";

const FIELDS = {
  password: { label: () => t.yourPassword, missing: () => t.passwordMissing, type: "password" },
  code: { label: () => t.codeOrRecovery, missing: () => t.codeMissing, type: "text" },
};
const WRONG = ["wrong-password", "wrong-factor"];
const AGAIN = ["proof-required", "invalid"];

/** A dialog. `send` gets the proof as members of a body; `act` names the button that sends it. */
export default function Proof({ title, lead, act: name, alert, keep, send, onClose }) {
  const [proofs, setProofs] = useState(null);
  const [given, setGiven] = useState("");
  const [error, setError] = useState(null);
  const [over, setOver] = useState(false);
  const { busy, problem, act } = useAct();
  useEffect(() => {
    get("me/second-factors/").then(
      ({ data }) => setProofs(data.proofs),
      () => setProofs(["password"]),
    );
  }, []);
  if (!proofs) return null;
  const by = ["password", "code"].find((one) => proofs.includes(one));
  const field = FIELDS[by];
  const hand = async (proof) => {
    try {
      await send(proof);
    } catch (wrong) {
      if (WRONG.includes(wrong.slug)) setError(t.problems[wrong.slug]);
      else if (!by && AGAIN.includes(wrong.slug)) setOver(true);
      else throw wrong;
    }
  };
  const submit = (event) => {
    event.preventDefault();
    setError(by && !given.trim() ? field.missing() : null);
    if (!by) act(() => hand({}));
    else if (given.trim()) act(() => hand({ [by]: by === "code" ? given.trim() : given }));
  };
  const byPasskey = () =>
    act(async () => {
      const { data } = await callOpen("POST", "passkeys/options/");
      const assertion = await usePasskey(data.options);
      if (assertion) await hand({ assertion });
    });
  return html`<${Dialog} title=${title} onClose=${onClose}>
    ${lead && html`<p class="secondary">${lead}</p>`}
    <form onSubmit=${submit} novalidate>
      ${
        by &&
        html`<${Field}
          id="proof"
          label=${field.label()}
          type=${field.type}
          autocomplete=${by === "password" ? "current-password" : "one-time-code"}
          value=${given}
          error=${error}
          onInput=${setGiven}
        />`
      }
      ${over && html`<p class="wrong" role="alert">${t.signInAgainFirst}</p>`}
      <${ProblemLine} problem=${problem} />
      <div class="dialog-buttons">
        ${
          over
            ? html`<${Button} onClick=${signOut}>${t.signOut}<//>`
            : html`<${Button} type="submit" kind=${alert ? "alert" : undefined} busy=${busy}
                >${name}<//
              >`
        }
        ${
          proofs.includes("assertion") &&
          canUsePasskeys() &&
          html`<${Button} kind="outline" disabled=${busy} onClick=${byPasskey}>${t.usePasskey}<//>`
        }
        <${Button} kind="quiet" onClick=${onClose}>${keep || t.cancel}<//>
      </div>
    </form>
  <//>`;
}
