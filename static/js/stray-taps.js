// Ignores taps that were meant for another control. Controls that answer a slot have
// `data-answer`, which names it.
// - A second tap in the same place, meant for what has just gone from under the finger: hands that
//   tremble tap twice, and what has moved up there may be another medicine's Done.
// - A tap on what has only just come to lie there: a reminder that arrives moves the page, and the
//   finger was on its way to another control.
const NEAR_PX = 40;
/** How long a second tap is one, and how long a finger is on its way. */
export const windows = { second_ms: 700, moved_ms: 500 };
const CONTROLS = "a, button, input, select, label, [role]";
let last = null;
let places = []; // [{at, controls: [{element, answer, box}]}]: where what lay, the newest last
let measuring = false;

const control = (event) => event.target.closest?.(CONTROLS) || event.target;
const holds = (box, x, y) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
const lies = (element, x, y) => element.isConnected && holds(element.getBoundingClientRect(), x, y);

function measure() {
  measuring = false;
  const now = performance.now();
  const controls = [...document.querySelectorAll("main a, main button, main input, .toast *")]
    .filter((element) => element.matches(CONTROLS))
    .map((element) => {
      const { left, right, top, bottom } = element.getBoundingClientRect();
      const box = { left, right, top: top + window.scrollY, bottom: bottom + window.scrollY };
      return { element, answer: element.dataset.answer, box };
    });
  places = [
    ...places.filter((_, i) => (places[i + 1]?.at ?? now) > now - windows.moved_ms),
    { at: now, controls },
  ];
}
const measureSoon = () => {
  if (measuring) return;
  measuring = true;
  requestAnimationFrame(measure);
};

const present = ({ element, answer }) =>
  answer ? document.querySelector(`[data-answer="${CSS.escape(answer)}"]`) : element.isConnected;

/** What lay at this point until a moment ago, as often as the page moved. */
function lately(x, y) {
  const now = performance.now();
  // The newest look is what lies here now, unless the page is just about to be looked at again.
  const until = (i) => places[i + 1]?.at ?? (measuring ? now : -Infinity);
  return places
    .filter((_, i) => now - until(i) < windows.moved_ms)
    .map(({ controls }) => controls.filter((one) => holds(one.box, x, y + window.scrollY)));
}

/** Whether another control, which is still wanted, lay here until a moment ago. */
export function cameUnder(target, x, y) {
  return lately(x, y).some((there) => {
    const same = there.some((one) =>
      one.answer ? one.answer === target.dataset.answer : one.element === target,
    );
    return !same && there.some(present);
  });
}

const hold = (event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
};

export function ignoreStrayTaps() {
  new MutationObserver(measureSoon).observe(document.body, { childList: true, subtree: true });
  window.addEventListener("hashchange", () => {
    places = [];
  });
  document.addEventListener(
    "click",
    (event) => {
      if (!event.isTrusted || event.detail === 0) return; // by a script or the keyboard
      const { clientX: x, clientY: y, timeStamp: at } = event;
      const target = control(event);
      if (target.matches("[data-answer]")) {
        const second =
          last &&
          Math.hypot(x - last.x, y - last.y) < NEAR_PX &&
          target !== last.control &&
          !lies(last.control, x, y) &&
          (at - last.at < windows.second_ms ||
            lately(x, y).some((there) => there.some(({ element }) => element === last.control)));
        if (second || cameUnder(target, x, y)) {
          hold(event);
          return;
        }
      }
      last = { at, x, y, control: target };
    },
    true,
  );
}
