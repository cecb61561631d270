// A second tap in the same place, meant for what has just gone from under the finger, answers
// nothing: hands that tremble tap twice, and what has moved up there may be another medicine's
// Done. Controls that answer carry `data-answer`.
const WITHIN_MS = 700;
const NEAR_PX = 40;
let last = null;

const control = (event) =>
  event.target.closest?.("a, button, input, select, label, [role]") || event.target;
const lies = (element, x, y) => {
  if (!element.isConnected) return false;
  const box = element.getBoundingClientRect();
  return x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
};

export const holdSteady = () =>
  document.addEventListener(
    "click",
    (event) => {
      if (!event.isTrusted || event.detail === 0) return; // by a script or the keyboard
      const { clientX: x, clientY: y, timeStamp: at } = event;
      if (
        last &&
        at - last.at < WITHIN_MS &&
        Math.hypot(x - last.x, y - last.y) < NEAR_PX &&
        control(event).matches("[data-answer]") &&
        control(event) !== last.control &&
        !lies(last.control, x, y)
      ) {
        event.preventDefault();
        event.stopImmediatePropagation();
        return;
      }
      last = { at, x, y, control: control(event) };
    },
    true,
  );
