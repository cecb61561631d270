// The link to the people for whom a patient or a doctor cares, if there are any.
import { html, useEffect, useState } from "../html.js";
import { get } from "../api.js";
import { ifServed } from "../data.js";
import { Part } from "../account/settings.js";
import { words } from "./words.js";

export function CaringLink() {
  const [people, setPeople] = useState([]);
  useEffect(() => {
    ifServed(() => get("caring/")).then(
      (answer) => setPeople(answer ? answer.data.items : []),
      () => {
        /* this part stays away */
      },
    );
  }, []);
  if (!people.length) return null;
  return html`<${Part} title=${words().caring}>
    <p class="secondary">${people.map((one) => one.patient.name).join(", ")}</p>
    <a class="button button-outline" href="#/caring">${words().seeThem}</a>
  <//>`;
}
