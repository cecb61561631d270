// Which page stands at which address, for whom. Pages beyond the first are fetched when they are
// first wanted.
import { html, useEffect, useState } from "./html.js";
import { get } from "./api.js";
import { Frame, Brand } from "./parts/chrome.js";
import { Empty, Skeleton, Button } from "./parts/controls.js";
import { HalfSun } from "./parts/icon.js";
import { go, here } from "./router.js";
import { signOut } from "./session.js";
import { begin } from "./start.js";
import { todayPlan } from "./today-plan.js";
import { state, useStore } from "./store.js";
import { t } from "./texts.js";

const OPEN = {
  "": () => import("./account/sign-in.js"),
  signin: () => import("./account/sign-in.js"),
  signup: () => import("./account/sign-up.js"),
  forgot: () => import("./account/forgot.js"),
  reset: () => import("./account/reset.js"),
  verify: () => import("./account/verify.js"),
  factor: () => import("./account/must-add.js"),
  invitation: () => import("./people/invitation.js"),
};
const caring = () => import("./people/caring.js");
const plainAccount = () => import("./people/account.js");
const PATIENT = {
  today: () => import("./patient/today.js"),
  step: () => import("./patient/step.js"),
  calendar: () => import("./patient/calendar.js"),
  notes: () => import("./patient/notes.js"),
  me: () => import("./patient/me.js"),
  paper: () => import("./patient/print.js"),
  doctor: () => import("./patient/choose-doctor.js"),
  caring,
};
const DOCTOR = {
  patients: () => import("./doctor/patients.js"),
  notes: () => import("./doctor/notes.js"),
  account: () => import("./doctor/account.js"),
  me: () => import("./doctor/account.js"), // where password managers are sent
  caring,
};
const CARER = { caring, account: plainAccount, me: plainAccount };
const ADMIN = {
  overview: () => import("./admin/overview.js"),
  accounts: () => import("./admin/accounts.js"),
  audit: () => import("./admin/audit.js"),
  account: plainAccount,
  me: plainAccount,
};
// Of each role: its pages, and the one to begin with.
const ROLES = {
  patient: [PATIENT, "today"],
  doctor: [DOCTOR, "patients"],
  carer: [CARER, "caring"],
  admin: [ADMIN, "overview"],
};

const pages = new Map(); // how to fetch -> component, once fetched

function Page({ fetch, parts, query }) {
  const [, draw] = useState(0);
  const [failed, fail] = useState(false);
  const Found = pages.get(fetch);
  useEffect(() => {
    if (Found) return;
    fetch().then(
      (module) => {
        pages.set(fetch, module.default);
        draw((n) => n + 1);
      },
      () => fail(true),
    );
  }, [fetch]);
  if (Found)
    return html`
      <${Found}
        key=${parts[0] === "patients" && parts.length < 3 ? "patients" : parts.join("/")}
        parts=${parts}
        query=${query}
      />
    `;
  if (failed)
    return html`<${Empty} level=${1} sign="offline" title=${t.pageNotLoaded} text=${t.noAnswer}>
      <${Button} onClick=${() => location.reload()}>${t.tryAgain}<//>
    <//>`;
  return html`<${Skeleton} />`;
}

function useRoute() {
  const [route, setRoute] = useState(here);
  useEffect(() => {
    const moved = () => setRoute(here());
    window.addEventListener("hashchange", moved);
    window.addEventListener("popstate", moved);
    return () => {
      window.removeEventListener("hashchange", moved);
      window.removeEventListener("popstate", moved);
    };
  }, []);
  return route;
}

// The window's name: where one is, and how much is due, and never of what.
function nameWindow() {
  const due = state.user?.role === "patient" ? todayPlan().due.length : 0;
  const name = (due ? `(${due}) ` : "") + (useTitle.base || t.product);
  if (document.title !== name) document.title = name;
}
function useTitle() {
  useEffect(nameWindow);
}

// A new page begins at its heading, for eyes and for screen readers. Where something on it was
// asked for (`see`), the page leads there itself.
function useArrival(path, phase, see) {
  useEffect(() => {
    // Choosing another patient beside the list is no new page.
    const group = document.querySelector(".patients-side") && /^\/patients(\/[^/]+)?$/.test(path);
    if (group && useArrival.was) return;
    let tries = 0;
    const first = !useArrival.was;
    useArrival.was = true;
    const arrive = () => {
      const heading = document.querySelector("main h1");
      if (heading) {
        useTitle.base =
          `${heading.dataset.title || t.titles[here().parts[0]] || ""} · ${t.product}`.replace(
            /^ · /,
            "",
          );
        nameWindow();
        if (!first && !see) {
          heading.tabIndex = -1;
          heading.focus({ preventScroll: true });
        }
      } else if (tries++ < 40) setTimeout(arrive, 50);
    };
    if (!see) window.scrollTo(0, 0);
    arrive();
  }, [path, phase]);
}

const LOOK_MS = 30000;
// A doctor waits for approval: the page looks by itself now and then.
function Pending() {
  useEffect(() => {
    const timer = setInterval(async () => {
      const { data } = await get("me/").catch(() => ({}));
      if (data && data.status !== "pending") begin();
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  return html`<${Frame} role="doctor" navigation=${false}>
      <div class="narrow">
        <${Empty} level=${1} sign="clock" title=${t.pendingTitle} text=${t.pendingText}>
          <${Button} icon="retry" onClick=${begin}>${t.lookAgain}<//>
          <${Button} kind="outline" onClick=${signOut}>${t.signOut}<//>
        <//>
      </div>
    <//>`;
}

export function App() {
  useStore();
  useTitle();
  const { parts, path, query } = useRoute();
  useArrival(path, state.phase, query.get("see"));
  const name = parts[0] || "";

  if (state.phase === "starting")
    return html`<div class="frame patient">
      <header class="top"><div class="top-inner"><${Brand} /></div></header>
      <main id="main"><${Skeleton} /></main>
    </div>`;
  // Links from a letter work with any user signed in, or none.
  if (["reset", "verify", "invitation"].includes(name) || state.phase === "out") {
    return html`<${Page} fetch=${OPEN[name] || OPEN[""]} parts=${parts} query=${query} />`;
  }
  const { role, status } = state.user;
  if (status === "pending") return html`<${Pending} />`;
  if (state.mustAdd)
    return html`<${Frame} role=${role} navigation=${false}>
      <${Page} fetch=${OPEN.factor} parts=${["factor"]} query=${query} />
    <//>`;
  const [own, home] = ROLES[role];
  if (!name || OPEN[name]) {
    go(`/${home}`, { replace: true });
    return null;
  }
  if (!own[name]) {
    return html`<${Frame} role=${role}>
      <${Empty} level=${1} sign=${html`<${HalfSun} />`} title=${t.notFound}>
        <a class="button button-main" href=${`#/${home}`}>${t.goHome}</a>
      <//>
    <//>`;
  }
  return html`<${Frame} role=${role}>
    <${Page} fetch=${own[name]} parts=${parts} query=${query} />
  <//>`;
}
