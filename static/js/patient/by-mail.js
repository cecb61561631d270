// Reminders by e-mail, for those who ask: when no page has shown one.
import { html, useEffect, useState } from "../html.js";
import { call, get } from "../api.js";
import { ifServed } from "../data.js";
import { Switch, ProblemLine, useAct } from "../parts/controls.js";
import { t } from "../texts.js";

export function ByMail() {
  const [on, setOn] = useState(null);
  const { busy, problem, act } = useAct();
  useEffect(() => {
    ifServed(() => get("me/email-reminders/")).then(
      (answer) => setOn(answer ? answer.data.on : null),
      () => {
        /* this part stays away */
      },
    );
  }, []);
  if (on === null) return null;
  const change = (wanted) =>
    act(async () => {
      await call(wanted ? "PUT" : "DELETE", "me/email-reminders/");
      setOn(wanted);
    });
  return html`
    <${Switch}
      id="by-mail"
      label=${t.byMail}
      hint=${t.byMailHint}
      checked=${on}
      disabled=${busy}
      onChange=${change}
    />
    <${ProblemLine} problem=${problem} />
  `;
}
