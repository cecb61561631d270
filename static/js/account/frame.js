// The frame of the pages before sign-in: a picture, a form, a choice of language.
import { html, useState } from "../html.js";
import { Brand } from "../parts/chrome.js";
import { LANGUAGES, ask, language, t } from "../texts.js";
import { redraw } from "../store.js";

const Sky = () => html`<div class="sky" aria-hidden="true">
  <p class="sky-words">${t.oneThing}</p>
  <svg class="sky-sun" viewBox="0 0 400 400" preserveAspectRatio="xMidYMax slice" focusable="false">
    <circle class="sky-3" cx="200" cy="400" r="240" />
    <circle class="sky-2" cx="200" cy="400" r="172" />
    <circle class="logo-sun" cx="200" cy="400" r="104" />
  </svg>
  <div class="sky-sea"><span></span><span></span><span></span></div>
</div>`;

export function OpenFrame({ title, lead, children }) {
  const [, draw] = useState(0);
  const speak = async (tag) => {
    await ask(tag);
    redraw();
    draw((n) => n + 1);
  };
  return html`<div class="open patient">
    <${Sky} />
    <div class="open-side">
      <header><${Brand} /></header>
      <main id="main">
        <h1 tabindex="-1" data-title=${title}>${title}</h1>
        ${lead && html`<p class="lead">${lead}</p>`}
        ${children}
        <p class="tongues">
          ${LANGUAGES.map(
            (tag, i) => html`
              ${i > 0 && html`<span aria-hidden="true">·</span>`}
              <button
                type="button"
                class="link"
                lang=${tag}
                aria-pressed=${tag === language ? "true" : "false"}
                onClick=${() => speak(tag)}
              >
                ${t.languageNames[tag]}
              </button>
            `,
          )}
        </p>
      </main>
    </div>
  </div>`;
}
