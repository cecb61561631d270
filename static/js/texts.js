// The words of the page: `t` is the text of the chosen language. Nothing else in the code holds a
// word for people.
export let t = null;
export let language = "en";
export const LANGUAGES = ["en", "es"];

const kept = () => {
  try {
    return localStorage.getItem("aftercare.language");
  } catch {
    return null;
  }
};

/** The language to begin with: chosen earlier, else the browser's, else English. */
export function firstLanguage() {
  const wished = [kept(), ...(navigator.languages || [navigator.language])]
    .filter(Boolean)
    .map((tag) => tag.slice(0, 2).toLowerCase());
  return wished.find((tag) => LANGUAGES.includes(tag)) || "en";
}

let byHand = null;
/** The language that the reader asked for on this page before signing in, once. */
export function askedFor() {
  const asked = byHand;
  byHand = null;
  return asked;
}
/** The reader redraw a language. */
export const ask = (tag) => {
  byHand = tag;
  return useLanguage(tag);
};

export async function useLanguage(tag) {
  const chosen = LANGUAGES.includes(tag) ? tag : "en";
  t = (await (chosen === "es" ? import("../texts/es.js") : import("../texts/en.js"))).default;
  language = chosen;
  document.documentElement.lang = chosen;
  try {
    localStorage.setItem("aftercare.language", chosen);
  } catch {
    /* for this page only */
  }
}

/** The reader's own locale where it is one of this language, else the language alone. */
export function locale() {
  return (
    (navigator.languages || [navigator.language]).find(
      (tag) => tag && tag.toLowerCase().startsWith(language),
    ) || (language === "en" ? "en-GB" : "es-ES")
  );
}
