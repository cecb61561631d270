// The frame of every page: header, navigation, connection, banners, toast.
import { html, cx, useEffect, useState } from "../html.js";
import { again } from "../start.js";
import { checkIn } from "../outbox.js";
import { closeBanner } from "../messages.js";
import { dueSlot, todayPlan } from "../today-plan.js";
import { here } from "../router.js";
import { state, redraw } from "../store.js";
import { waitingCount } from "../doctor/waiting.js";
import { t } from "../texts.js";
import { when, time, slotTime } from "../clock.js";
import { undo } from "../undo.js";
import { Icon, Logo, Spinner } from "./icon.js";

export const Brand = () =>
  html`<a class="brand" href="#/"><${Logo} /><span>${t.product}</span></a>`;

export function Pill() {
  const word = {
    live: t.live,
    connecting: t.live,
    reconnecting: t.reconnecting,
    offline: t.offline,
    paused: t.paused,
  }[state.connection];
  const waits = state.connection !== "live" && state.connection !== "connecting";
  return html`
    <span
      class=${cx("pill", waits && "pill-wait", state.connection === "connecting" && "pill-quiet")}
      role="status"
    >
      ${
        state.connection === "live"
          ? html`<span class="pill-dot"></span>`
          : state.connection === "connecting"
            ? html`<span class="pill-ring"></span>`
            : state.connection === "reconnecting"
              ? html`<${Spinner} size=${14} />`
              : html`<${Icon} name="offline" size=${16} />`
      }
      ${state.connection === "connecting" ? t.connecting : word}
    </span>
  `;
}

const WAYS = {
  patient: [
    ["today", "sunrise"],
    ["calendar", "calendar"],
    ["notes", "note"],
    ["me", "person"],
  ],
  doctor: [["patients"], ["notes"], ["account"]],
  carer: [["caring"], ["account"]],
  admin: [["overview"], ["accounts"], ["audit"], ["account"]],
};

function Navigation({ role }) {
  const due = role === "patient" ? todayPlan().due.length : 0;
  const waits = role === "doctor" ? waitingCount() : 0;
  const at = here().parts[0] || WAYS[role][0][0];
  return html`<nav class="main-nav" aria-label=${t.mainMenu}>
    ${WAYS[role].map(
      ([name, icon]) => html`
        <a key=${name} href=${`#/${name}`} class="way" aria-current=${at === name ? "page" : null}>
          ${
            icon &&
            html`<span class="way-icon">
              <${Icon} name=${icon} size=${24} />
              ${
                name === "today" &&
                due > 0 &&
                html`<span class="badge" aria-hidden="true">${due}</span>`
              }
            </span>`
          }
          <span>
            ${t.pages[name]}
            ${
              name === "notes" &&
              waits > 0 &&
              html`
                ${" "}<span class="way-count" aria-hidden="true">${waits}</span>
                <span class="hidden">${t.waitCount(waits)}</span>
              `
            }
          </span>
          ${name === "today" && due > 0 && html`<span class="hidden"> ${t.dueCount(due)}</span>`}
        </a>
      `,
    )}
  </nav>`;
}

function Banner({ kind, icon, title, text, children, act, onClose }) {
  return html`<div class=${`banner banner-${kind}`}>
    <div class="banner-inner">
      ${
        icon === "spinner"
          ? html`<${Spinner} size=${22} />`
          : html`<${Icon} name=${icon} size=${22} />`
      }
      <div class="banner-words">
        <strong>${title}</strong>
        ${text && html`<p>${text}</p>`}
        ${children}
      </div>
      ${act}
      ${
        onClose &&
        html`<button type="button" class="icon-button" aria-label=${t.close} onClick=${onClose}>
          <${Icon} name="cross" />
        </button>`
      }
    </div>
  </div>`;
}

const ICONS = { good: "tick", info: "info", error: "warning" };

function Banners() {
  const waiting = state.outbox.filter((e) => e.waiting).length;
  const [long, setLong] = useState(false);
  const lost = state.connection === "reconnecting";
  useEffect(() => {
    if (!lost) {
      setLong(false);
      return undefined;
    }
    const timer = setTimeout(() => setLong(true), 5000);
    return () => clearTimeout(timer);
  }, [lost]);
  return html`<div class="banners" aria-live="polite">
    ${
      state.connection === "offline" &&
      html`
        <${Banner}
          key="offline"
          kind="wait"
          icon="offline"
          title=${t.offlineTitle}
          text=${
            waiting ? t.waitingCount(waiting) : state.asOf ? t.seenFrom(when(state.asOf)) : null
          }
        />
      `
    }
    ${
      lost &&
      (long || waiting > 0) &&
      html`
        <${Banner}
          key="lost"
          kind="wait"
          icon="spinner"
          title=${t.reconnectingTitle}
          text=${
            waiting ? t.waitingCount(waiting) : state.asOf ? t.seenFrom(time(state.asOf)) : null
          }
        />
      `
    }
    ${
      state.connection === "paused" &&
      html`
        <${Banner}
          key="paused"
          kind="wait"
          icon="offline"
          title=${t.pausedTitle}
          text=${t.pausedText}
        >
          <button type="button" class="link" onClick=${again}>${t.connectAgain}</button>
        <//>
      `
    }
    ${state.banners.map(
      (b) => html`
        <${Banner}
          key=${b.id}
          kind=${b.kind}
          icon=${ICONS[b.kind]}
          title=${b.title}
          text=${b.text}
          onClose=${() => closeBanner(b.id)}
          act=${
            b.undo &&
            html`
              <button
                type="button"
                class="button button-small banner-act"
                onClick=${() => {
                  closeBanner(b.id);
                  undo(b.undo.step_id, b.undo.slot);
                }}
              >
                ${t.undo}
              </button>
            `
          }
        >
          ${
            b.link &&
            html`<a href=${b.link.href} onClick=${() => closeBanner(b.id)}>${b.link.label}</a>`
          }
        <//>
      `,
    )}
  </div>`;
}

function Toast() {
  const open = state.toasts.filter((toast) => {
    const step = state.steps[toast.step_id];
    return step && dueSlot(step) === toast.slot;
  });
  const hide = () => {
    state.toasts = [];
    redraw();
  };
  if (!open.length || here().path === "/today" || here().path === "/")
    return html`<div class="toast-place" role="status"></div>`;
  const { step_id: id, slot } = open[open.length - 1];
  const step = state.steps[id];
  return html`<div class="toast-place" role="status">
    <div class="toast" key=${`${id}${slot}`}>
      <span class="bell-disc"><${Icon} name="bell" size=${22} /></span>
      <a class="toast-words" href="#/today" onClick=${hide}>
        <strong>${step.title}</strong>
        <span>
          ${t.dueNowAt(slotTime(slot))}
          ${open.length > 1 ? ` · ${t.andMore(open.length - 1)}` : ""}
        </span>
      </a>
      <button
        type="button"
        class="button button-sun"
        data-answer=${`${id}@${slot}`}
        onClick=${() => checkIn(step, { slot })}
      >
        ${t.done}
        <span class="hidden">: ${step.title}</span>
      </button>
      <button
        type="button"
        class="icon-button on-night"
        aria-label=${t.closeReminder}
        onClick=${hide}
      >
        <${Icon} name="cross" />
      </button>
    </div>
  </div>`;
}

/** A page inside the frame. Pending doctors and signed-out users get no navigation. */
export function Frame({ role, navigation = true, children }) {
  const look = role === "patient" ? "patient" : "doctor";
  return html`<div class=${cx("frame", look, navigation && "with-nav")}>
    <a
      class="skip-link"
      href="#main"
      onClick=${(e) => {
        e.preventDefault();
        document.getElementById("main").focus();
      }}
    >
      ${t.skipToContent}
    </a>
    <header class="top">
      <div class="top-inner">
        <${Brand} />${navigation && html`<${Navigation} role=${role} /><${Pill} />`}
      </div>
    </header>
    <${Banners} />
    <main id="main" tabindex="-1">${children}</main>
    ${role === "patient" && html`<${Toast} />`}
  </div>`;
}
