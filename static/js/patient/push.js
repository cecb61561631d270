// Reminders while the page is closed: Web Push, with neutral words. Shown only where browser and
// service both can.
import { html, useEffect, useState } from "../html.js";
import { call, get } from "../api.js";
import { ifServed } from "../data.js";
import { Switch, ProblemLine, useAct } from "../parts/controls.js";
import { state } from "../store.js";
import { t } from "../texts.js";

const bytes = (base64url) =>
  Uint8Array.from(atob(base64url.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const able = () =>
  "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

const own = async () =>
  (await navigator.serviceWorker.getRegistration())?.pushManager.getSubscription();

/**
 * The id that the service gives to this device: from who is signed in and the endpoint, which the
 * list does not tell.
 */
async function deviceId(endpoint) {
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(`${state.user.id}|${endpoint}`),
  );
  return [...new Uint8Array(digest)]
    .slice(0, 16)
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

function tell(subscription) {
  const { endpoint, keys } = subscription.toJSON();
  return call("POST", "me/push/", { body: { endpoint, keys } });
}

/** Whether this device is subscribed. A subscription that the service has lost is sent again. */
async function keptOn(items) {
  const subscription = await own();
  if (!subscription) return false;
  const id = await deviceId(subscription.endpoint);
  if (!items.some((one) => one.id.replaceAll("-", "") === id)) await tell(subscription);
  return true;
}

/** At the start: make sure that the subscription of this device still exists. */
export async function keepPush() {
  if (!able() || !(await own())) return;
  const answer = await ifServed(() => get("me/push/"));
  if (answer) await keptOn(answer.data.items);
}

export function Push() {
  const [key, setKey] = useState(null);
  const [on, setOn] = useState(false);
  const [refused, setRefused] = useState(false);
  const { busy, problem, act } = useAct();
  useEffect(() => {
    if (!able()) return;
    ifServed(() => get("me/push/")).then(
      async (answer) => {
        if (!answer?.data.public_key) return;
        setKey(answer.data.public_key);
        setOn(await keptOn(answer.data.items).catch(() => false));
      },
      () => {
        /* this part stays away */
      },
    );
  }, []);
  if (!key) return null;
  const change = (wanted) =>
    act(async () => {
      const registration = await navigator.serviceWorker.ready;
      if (!wanted) {
        const subscription = await registration.pushManager.getSubscription();
        if (subscription) {
          await call("DELETE", "me/push/", { body: { endpoint: subscription.endpoint } });
          await subscription.unsubscribe();
        }
        setOn(false);
        return;
      }
      if ((await Notification.requestPermission()) !== "granted") {
        setRefused(true);
        setOn(false);
        return;
      }
      let subscription;
      try {
        subscription = await registration.pushManager.subscribe({
          userVisibleOnly: true,
          applicationServerKey: bytes(key),
        });
      } catch {
        setRefused(true);
        return;
      }
      await tell(subscription);
      setOn(true);
    });
  return html`
    <${Switch}
      id="push"
      label=${t.push}
      hint=${refused ? t.pushRefused : t.pushHint}
      checked=${on}
      disabled=${busy}
      onChange=${change}
    />
    <${ProblemLine} problem=${problem} />
  `;
}
