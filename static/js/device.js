// All that is stored on this device: the last state for reading offline, check-ins not yet
// sent, and choices. Everything but the choices of colour, language and sound goes at sign-out.
const KEYS = {
  signedIn: "aftercare.signed-in",
  last: "aftercare.last",
  outbox: "aftercare.outbox",
};

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}
function write(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    /* full or closed: the page works without */
  }
}

export const hasSession = () => read(KEYS.signedIn) === true;
export const rememberSession = () => write(KEYS.signedIn, true);

export const lastState = () => read(KEYS.last);
export const keepLastState = (value) => write(KEYS.last, value);

export const keptOutbox = () => read(KEYS.outbox) || [];
// Read, change, write in one go: another page of this browser may be doing the same.
export const addToOutbox = (entry) => write(KEYS.outbox, [...keptOutbox(), entry]);
export const replaceInOutbox = (entry) =>
  write(
    KEYS.outbox,
    keptOutbox().map((kept) => (kept.key === entry.key ? entry : kept)),
  );
export function dropFromOutbox(key) {
  const left = keptOutbox().filter((entry) => entry.key !== key);
  write(KEYS.outbox, left.length ? left : null);
}
export const OUTBOX_KEY = KEYS.outbox;

export const choice = (name) => read(`aftercare.choice.${name}`);
export const choose = (name, value) => write(`aftercare.choice.${name}`, value);

/**
 * `unsent` false: check-ins that wait stay, without their words, for the same person's next
 * sign-in.
 */
export function forgetDevice({ unsent = true } = {}) {
  const waiting = unsent ? [] : keptOutbox().map(({ title, ...rest }) => rest);
  for (const key of Object.values(KEYS)) write(key, null);
  if (waiting.length) write(KEYS.outbox, waiting);
  try {
    for (const key of Object.keys(sessionStorage))
      if (key.startsWith("aftercare.")) sessionStorage.removeItem(key);
  } catch {
    /* closed */
  }
}

// A note being written survives a reload of this page, no longer than the window.
export const draftFor = (id) => {
  try {
    return sessionStorage.getItem(`aftercare.draft.${id}`) || "";
  } catch {
    return "";
  }
};
export const keepDraft = (id, text) => {
  try {
    if (text) sessionStorage.setItem(`aftercare.draft.${id}`, text);
    else sessionStorage.removeItem(`aftercare.draft.${id}`);
  } catch {
    /* closed */
  }
};

// So do the decisions of a review that is not sent yet.
export const reviewFor = (id) => {
  try {
    return JSON.parse(sessionStorage.getItem(`aftercare.review.${id}`));
  } catch {
    return null;
  }
};
export const keepReview = (id, draft) => {
  try {
    if (draft) sessionStorage.setItem(`aftercare.review.${id}`, JSON.stringify(draft));
    else sessionStorage.removeItem(`aftercare.review.${id}`);
  } catch {
    /* full or closed: it lasts as long as this page */
  }
};

export function theme() {
  try {
    return localStorage.getItem("aftercare.theme") || "system";
  } catch {
    return "system";
  }
}
export function setTheme(value) {
  try {
    if (value === "system") localStorage.removeItem("aftercare.theme");
    else localStorage.setItem("aftercare.theme", value);
  } catch {
    /* for this page only, then */
  }
  if (value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
}
