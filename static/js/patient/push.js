// Reminders while the page is closed: Web Push, with neutral words. Shown only where browser and service both can.
import { html, useEffect, useState } from "../html.js";
import { call, get } from "../api.js";
import { ifServed } from "../data.js";
import { Switch, Wrong, useAct } from "../parts/controls.js";
import { t } from "../texts.js";

const bytes = (base64url) => Uint8Array.from(atob(base64url.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const able = () => "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

export function Push() {
  const [key, setKey] = useState(null);
  const [on, setOn] = useState(false);
  const [refused, setRefused] = useState(false);
  const { busy, problem, act } = useAct();
  useEffect(() => {
    if (!able()) return;
    ifServed(() => get("me/push/")).then(async (answer) => {
      if (!answer?.data.public_key) return;
      setKey(answer.data.public_key);
      const registration = await navigator.serviceWorker.getRegistration();
      setOn(Boolean(await registration?.pushManager.getSubscription()));
    }, () => { /* this part stays away */ });
  }, []);
  if (!key) return null;
  const change = (wanted) => act(async () => {
    const registration = await navigator.serviceWorker.ready;
    if (!wanted) {
      const subscription = await registration.pushManager.getSubscription();
      if (subscription) { await call("DELETE", "me/push/", { body: { endpoint: subscription.endpoint } }); await subscription.unsubscribe(); }
      setOn(false);
      return;
    }
    if (await Notification.requestPermission() !== "granted") { setRefused(true); setOn(false); return; }
    let subscription;
    try { subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) }); }
    catch { setRefused(true); return; }
    const { endpoint, keys } = subscription.toJSON();
    await call("POST", "me/push/", { body: { endpoint, keys } });
    setOn(true);
  });
  return html`<${Switch} id="push" label=${t.push} hint=${refused ? t.pushRefused : t.pushHint} checked=${on} disabled=${busy} onChange=${change} /><${Wrong} problem=${problem} />`;
}
