// The account of a carer or an administrator.
import { html } from "../html.js";
import { AccessParts, Looks, Person } from "../account/settings.js";
import { state } from "../store.js";
import { t } from "../texts.js";

export default function PlainAccount() {
  return html`
    <div class="page-head">
      <h1 tabindex="-1">${t.pages.account}</h1>
      <p class="lead">${state.user.name}</p>
    </div>
    <div class="two two-even">
      <div class="col col-parts"><${Person} /><${Looks} /></div>
      <div class="col col-parts"><${AccessParts} /></div>
    </div>
  `;
}
