// The view library in one module: `html` tagged templates, hooks, render.
import { Fragment, createElement, render } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

export { Fragment, render };
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/hooks.js";
export const html = htm.bind(createElement);

/** Class names from what is true: cx("a", b && "c"). */
export const cx = (...names) => names.filter(Boolean).join(" ");
