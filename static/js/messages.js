// Banners below the header: messages of success disappear, errors and news stay until closed.
import { state, redraw } from "./store.js";

let count = 0;
function add(kind, title, text, extra = {}) {
  const id = ++count;
  state.banners = [
    ...state.banners.filter((b) => !(b.kind === kind && b.title === title)).slice(-2),
    { id, kind, title, text, ...extra },
  ];
  redraw();
  return id;
}

export const GOOD_MS = 6000;
export function showSuccess(title, { text = null, undo = null } = {}) {
  state.banners = state.banners.filter((b) => b.kind !== "good");
  const id = add("good", title, text, { undo });
  setTimeout(() => closeBanner(id), undo ? 2 * GOOD_MS : GOOD_MS);
}
export const showNews = (title, text, link, about) => add("info", title, text, { link, about });
export const showError = (title, text, link, about) => add("error", title, text, { link, about });

/** Remove the message about something that is over. */
export function removeMessage(about) {
  state.banners = state.banners.filter((b) => b.about !== about);
  redraw();
}

export function closeBanner(id) {
  state.banners = state.banners.filter((b) => b.id !== id);
  redraw();
}
