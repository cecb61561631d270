// A doctor's account.
import { html } from "../html.js";
import { Devices, Leave, Looks, Password, Person, SecondFactors } from "../account/settings.js";
import { Cover } from "../people/cover.js";
import { CaringLink } from "../people/caring-link.js";
import { state } from "../store.js";
import { t } from "../texts.js";

export default function Account() {
  return html`
    <div class="page-head">
      <h1 tabindex="-1">${t.ways.account}</h1>
      <p class="lead">${state.user.name}</p>
    </div>
    <div class="two two-even">
      <div class="col col-parts"><${Person} /><${Cover} /><${CaringLink} /><${Looks} /></div>
      <div class="col col-parts"><${Devices} /><${Password} /><${SecondFactors} /><${Leave} /></div>
    </div>
  `;
}
