// The decisions of an author in a review before they are sent: they survive leaving the page and,
// in this window, a reload. Live events do not change them.
import { keepReview, reviewFor } from "../device.js";
import { state, redraw } from "../store.js";

const fresh = () => ({
  edits: {}, // step id -> what was changed
  removed: {}, // step id -> true: left out
  added: [], // steps by hand
  answers: {}, // question key -> {pick: number | "own" | "nothing", step?}
  keep: {}, // id of an earlier step -> true: it runs on
});

export function draftOf(id) {
  if (!state.reviews[id]) state.reviews[id] = { ...fresh(), ...reviewFor(id) };
  return state.reviews[id];
}

export function changeDraft(id, change) {
  state.reviews[id] = { ...draftOf(id), ...change };
  keepReview(id, state.reviews[id]);
  redraw();
}

export function dropDraft(id) {
  delete state.reviews[id];
  keepReview(id, null);
  redraw();
}

export const isEmpty = ({ edits, removed, added, answers, keep }) =>
  !Object.keys(edits).length &&
  !Object.values(removed).some(Boolean) &&
  !added.length &&
  !Object.keys(answers).length &&
  !Object.values(keep).some(Boolean);
