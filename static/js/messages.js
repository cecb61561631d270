// Banners below the header: good ones leave by themselves, errors and news stay until closed.
import { state, touched } from "./store.js";

let count = 0;
function add(kind, title, text, extra = {}) {
  const id = ++count;
  state.banners = [
    ...state.banners.filter((b) => !(b.kind === kind && b.title === title)).slice(-2),
    { id, kind, title, text, ...extra },
  ];
  touched();
  return id;
}

export const GOOD_MS = 6000;
export function sayGood(title, { text = null, undo = null } = {}) {
  state.banners = state.banners.filter((b) => b.kind !== "good");
  const id = add("good", title, text, { undo });
  setTimeout(() => closeBanner(id), undo ? 2 * GOOD_MS : GOOD_MS);
}
export const sayNews = (title, text, link, about) => add("info", title, text, { link, about });
export const sayError = (title, text, link, about) => add("error", title, text, { link, about });

/** What was said about something is over. */
export function unsay(about) {
  state.banners = state.banners.filter((b) => b.about !== about);
  touched();
}

export function closeBanner(id) {
  state.banners = state.banners.filter((b) => b.id !== id);
  touched();
}
