// Somewhere else: the page asks once for each new zone whether reminders come by the time there.
import { html, useState } from "../html.js";
import { myZone, placeOf } from "../account/zones.js";
import { clockOf, nextWhen, time } from "../clock.js";
import { patchMe } from "../data.js";
import { choice, choose } from "../device.js";
import { reload } from "../feed.js";
import { showSuccess, showNews } from "../messages.js";
import { Button, ProblemLine, useAct } from "../parts/controls.js";
import { inSentence, nextSlot } from "../today-plan.js";
import { state } from "../store.js";
import { t } from "../texts.js";

const asked = () => `zone-asked.${state.user.id}`;
/** Whether clocks here show another time than those of the account: zones of one time are one. */
export const isElsewhere = (user = state.user, now = new Date()) =>
  clockOf(now, myZone()) !== clockOf(now, user.timezone);

/** What moved, in a sentence: "Next: take amoxicillin tomorrow at 09:00." */
const whatMoved = () => {
  const next = nextSlot();
  return next ? t.nextIs(inSentence(next.step.title), nextWhen(next.slot)) : null;
};
/** The reminders have moved to the zone of this device: shown once, until it is closed. */
export const announceMoved = () => showNews(t.zoneMoved(placeOf(state.user.timezone)), whatMoved());

export function ZoneQuestion() {
  const { timezone: home, timezone_mode: mode } = state.user;
  const here = myZone();
  const [, answer] = useState(0);
  const { busy, problem, act } = useAct();
  if (mode !== "home" || !isElsewhere() || choice(asked()) === here) return null;
  const move = (change) =>
    act(async () => {
      await patchMe({ timezone: here, ...change });
      await reload();
      announceMoved();
    });
  const stay = () => {
    choose(asked(), here);
    answer((n) => n + 1);
    showSuccess(t.zoneStays(placeOf(home)));
  };
  const clocks = [placeOf(here), time(new Date(), here), placeOf(home), time(new Date(), home)];
  const follow = () => move({ timezone_mode: "follow" });
  return html`<section
    class="card day-question zone-question"
    aria-label=${t.zoneQuestion(placeOf(here))}
  >
    <h2>${t.zoneQuestion(placeOf(here))}</h2>
    <p class="secondary">${t.zoneQuestionLead(...clocks)}</p>
    <${ProblemLine} problem=${problem} />
    <div class="form-buttons">
      <${Button} busy=${busy} onClick=${() => move({})}>${t.zoneMove}<//>
      <${Button} kind="outline" disabled=${busy} onClick=${follow}>${t.zoneFollow}<//>
      <${Button} kind="quiet" disabled=${busy} onClick=${stay}>${t.zoneStay(placeOf(home))}<//>
    </div>
  </section>`;
}
