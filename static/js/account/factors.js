// Second factors of one's own account: an authenticator app, passkeys, recovery codes.
import { html, useEffect, useState } from "../html.js";
import { call, get } from "../api.js";
import { Button, Dialog, Field, ProblemLine, useAct } from "../parts/controls.js";
import { Icon } from "../parts/icon.js";
import { showSuccess } from "../messages.js";
import { t } from "../texts.js";
import { when } from "../clock.js";
import { canUsePasskeys, makePasskey } from "./passkeys.js";
import Proof from "./proof.js";

const PATH = "me/second-factors/";

/** `onAdded` is called once there is a factor and its recovery codes have been seen. */
export default function Factors({ onAdded }) {
  const [held, setHeld] = useState(null);
  const [app, setApp] = useState(null);
  const [codes, setCodes] = useState(null);
  const [removing, remove] = useState(null);
  const [adding, setAdding] = useState(null);
  const { busy, problem, act } = useAct();
  const load = () =>
    get(PATH).then(
      ({ data }) => setHeld(data),
      () => setHeld(null),
    );
  useEffect(() => {
    load();
  }, []);
  if (!held) return null;
  const added = async (data) => {
    setApp(null);
    await load();
    if (data.recovery_codes) setCodes(data.recovery_codes);
    else {
      showSuccess(t.factorAdded);
      onAdded?.();
    }
  };
  const begin = {
    totp: async (proof) =>
      setApp((await call("POST", PATH, { body: { kind: "totp", ...proof } })).data),
    passkey: async (proof) => {
      const { data } = await call("POST", PATH, { body: { kind: "passkey", ...proof } });
      const credential = await makePasskey(data.options);
      if (!credential) return;
      await added(
        (await call("POST", `${PATH}${data.id}/confirm/`, { body: { credential } })).data,
      );
    },
  };
  // Some time after signing in the service asks again who this is.
  const add = (kind) =>
    act(async () => {
      try {
        await begin[kind]({});
      } catch (wrong) {
        if (wrong.slug !== "proof-required") throw wrong;
        setAdding(kind);
      }
    });
  return html`<section class="card part" id="second-factors">
    <h2>${t.secondFactor}</h2>
    <p class="secondary">${held.items.length ? t.factorsLead : t.noFactorYet}</p>
    ${
      held.items.length > 0 &&
      html`<ul class="rows plain-rows">
        ${held.items.map(
          (f) => html`<li class="row" key=${f.id}>
            <span class="row-sign row-sign-note"><${Icon} name="device" size=${22} /></span>
            <span class="row-words">
              <strong>${t.factorKinds[f.kind]}</strong>
              <span class="secondary">
                ${f.last_used_at ? t.lastSeen(when(f.last_used_at)) : t.neverUsed}
              </span>
            </span>
            <${Button} kind="quiet" size="small" onClick=${() => remove(f)}>${t.removeFactor}<//>
          </li>`,
        )}
      </ul>
      <p class="secondary">${t.recoveryLeft(held.recovery_codes_left)}</p>`
    }
    <div class="dialog-buttons">
      <${Button} kind="outline" busy=${busy} onClick=${() => add("totp")}>${t.addApp}<//>
      ${
        canUsePasskeys() &&
        html`<${Button} kind="outline" disabled=${busy} onClick=${() => add("passkey")}
          >${t.addPasskey}<//
        >`
      }
    </div>
    <${ProblemLine} problem=${problem} />
    ${app && html`<${AddApp} app=${app} onDone=${added} onClose=${() => setApp(null)} />`}
    ${
      removing &&
      html`<${Proof}
        title=${`${t.removeFactor}: ${t.factorKinds[removing.kind]}`}
        act=${t.removeFactor}
        alert
        send=${async (proof) => {
          await call("DELETE", `${PATH}${removing.id}/`, { body: proof });
          remove(null);
          load();
        }}
        onClose=${() => remove(null)}
      />`
    }
    ${
      adding &&
      html`<${Proof}
        title=${adding === "totp" ? t.addApp : t.addPasskey}
        lead=${t.proofLead}
        act=${t.goOn}
        send=${async (proof) => {
          await begin[adding](proof);
          setAdding(null);
        }}
        onClose=${() => setAdding(null)}
      />`
    }
    ${
      codes &&
      html`<${Codes}
        codes=${codes}
        onClose=${() => {
          setCodes(null);
          onAdded?.();
        }}
      />`
    }
  </section>`;
}

function AddApp({ app, onDone, onClose }) {
  const [code, setCode] = useState("");
  const [error, setError] = useState(null);
  const { busy, problem, act } = useAct();
  const send = (event) => {
    event.preventDefault();
    if (!code.trim()) {
      setError(t.codeMissing);
      return;
    }
    act(async () => {
      try {
        const { data } = await call("POST", `${PATH}${app.id}/confirm/`, {
          body: { code: code.trim() },
        });
        await onDone(data);
      } catch (wrong) {
        if (wrong.status !== 422) throw wrong;
        setError(t.problems["wrong-code"]);
      }
    });
  };
  return html`<${Dialog} title=${t.addApp} onClose=${onClose}>
    <p class="secondary">${t.scanThis}</p>
    <svg
      class="qr"
      role="img"
      aria-label=${t.qrCode}
      viewBox=${`0 0 ${app.qr_size} ${app.qr_size}`}
      shape-rendering="crispEdges"
    >
      <rect width="100%" height="100%" fill="#fff" />
      <path d=${app.qr} fill="#000" />
    </svg>
    <p class="secondary">${t.orType} <code>${app.secret.replace(/(.{4})/g, "$1 ").trim()}</code></p>
    <form onSubmit=${send} novalidate>
      <${Field}
        id="new-code"
        label=${t.codeOfApp}
        inputmode="numeric"
        autocomplete="one-time-code"
        value=${code}
        error=${error}
        onInput=${setCode}
      />
      <${ProblemLine} problem=${problem} />
      <div class="dialog-buttons">
        <${Button} type="submit" busy=${busy}>${t.confirmFactor}<//>
        <${Button} kind="quiet" onClick=${onClose}>${t.cancel}<//>
      </div>
    </form>
  <//>`;
}

function Codes({ codes, onClose }) {
  return html`<${Dialog} title=${t.recoveryCodes} onClose=${onClose}>
    <p>${t.recoveryCodesLead}</p>
    <ul class="codes">
      ${codes.map((code) => html`<li key=${code}><code>${code}</code></li>`)}
    </ul>
    <div class="dialog-buttons">
      <${Button} onClick=${onClose}>${t.codesKept}<//>
    </div>
  <//>`;
}
