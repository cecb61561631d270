// Shortcuts of a doctor's pages: single letters outside of fields, and Ctrl+Enter everywhere. They
// can be turned off, for speech input and against accidental key presses.
import { useEffect, useRef } from "../html.js";
import { choice, choose } from "../device.js";

export const shortcutsEnabled = () => choice("keys") !== false;
export const setShortcuts = (on) => choose("keys", on);

const inField = (target) => target.closest?.("input, textarea, select, [contenteditable]");

/** `acts` by key: "j", "/", and "ctrl+enter". Nothing happens behind a dialog. */
export function useShortcuts(acts) {
  const now = useRef(acts);
  now.current = acts; // what a press does is what the page shows
  useEffect(() => {
    const pressed = (event) => {
      if (document.querySelector("dialog[open]") || event.altKey || event.repeat) return;
      const ctrl = event.ctrlKey || event.metaKey;
      const name = ctrl ? (event.key === "Enter" ? "ctrl+enter" : null) : event.key;
      const act = now.current[name];
      if (!act || (!ctrl && (inField(event.target) || !shortcutsEnabled()))) return;
      event.preventDefault();
      act();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

/** The link after (1) or before (-1) the one in focus, among those that `selector` finds. */
export function step(selector, by) {
  const links = [...document.querySelectorAll(selector)];
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by;
  const link = links[Math.max(0, Math.min(links.length - 1, next))];
  link.focus();
  link.scrollIntoView({ block: "nearest" });
}
