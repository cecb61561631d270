// The first module: the reader's language, then the page.
import { html, render } from "./html.js";
import { App } from "./app.js";
import { ignoreStrayTaps } from "./stray-taps.js";
import { begin } from "./start.js";
import { firstLanguage, useLanguage } from "./texts.js";

await useLanguage(firstLanguage());
const place = document.getElementById("app");
place.textContent = "";
render(html`<${App} />`, place);
begin();
ignoreStrayTaps();

if ("serviceWorker" in navigator) {
  const keepFiles = () =>
    navigator.serviceWorker.register("/sw.js").catch(() => {
      /* the page works without */
    });
  if (document.readyState === "complete") keepFiles();
  else window.addEventListener("load", keepFiles);
}
