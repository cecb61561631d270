// A doctor's account.
import { html, useState } from "../html.js";
import { AccessParts, Looks, Part, Person } from "../account/settings.js";
import { Cover } from "../people/cover.js";
import { CaringLink } from "../people/caring-link.js";
import { Switch } from "../parts/controls.js";
import { shortcutsEnabled, setShortcuts } from "./shortcuts.js";
import { state } from "../store.js";
import { t } from "../texts.js";

function Keys() {
  const [on, turn] = useState(shortcutsEnabled());
  return html`<${Part} title=${t.keysHead} lead=${t.keysLead}>
    <${Switch}
      id="keys"
      label=${t.keysSwitch}
      checked=${on}
      onChange=${(wish) => {
        setShortcuts(wish);
        turn(wish);
      }}
    />
  <//>`;
}

export default function Account() {
  return html`
    <div class="page-head">
      <h1 tabindex="-1">${t.pages.account}</h1>
      <p class="lead">${state.user.name}</p>
    </div>
    <div class="two two-even">
      <div class="col col-parts">
        <${Person} /><${Cover} /><${CaringLink} /><${Looks} /><${Keys} />
      </div>
      <div class="col col-parts"><${AccessParts} /></div>
    </div>
  `;
}
