// For an account that must have a second factor and has none: it can only set one up.
import { html } from "../html.js";
import { Button } from "../parts/controls.js";
import { signOut } from "../session.js";
import { t } from "../texts.js";
import Factors from "./factors.js";

export default function MustAdd() {
  return html`<div class="narrow">
    <div class="page-head">
      <h1 tabindex="-1" data-title=${t.mustAddTitle}>${t.mustAddTitle}</h1>
      <p class="lead">${t.mustAddLead}</p>
    </div>
    <${Factors} onAdded=${() => location.reload()} />
    <${Button} kind="outline" className="wide" onClick=${signOut}>${t.signOut}<//>
  </div>`;
}
