// Controls: buttons, fields, choices, dialogs, and messages of problems.
import { html, cx, useEffect, useRef, useState } from "../html.js";
import { t } from "../texts.js";
import { Icon, Spinner } from "./icon.js";

/** A button that can be busy: the same width, a spinner and its word, and no second press. */
export function Button({
  kind = "main",
  size,
  icon,
  busy,
  busyText,
  children,
  disabled,
  type = "button",
  className,
  ...rest
}) {
  return html`
    <button
      type=${type}
      class=${cx("button", `button-${kind}`, size && `button-${size}`, className)}
      disabled=${disabled}
      aria-disabled=${busy ? "true" : null}
      ...${rest}
      onClick=${busy ? (e) => e.preventDefault() : rest.onClick}
    >
      ${
        busy
          ? html`<${Spinner} />`
          : icon && html`<${Icon} name=${icon} size=${size === "large" ? 26 : 20} />`
      }
      <span>${busy ? busyText || t.sending : children}</span>
    </button>
  `;
}

/**
 * Label above, hint or error below; a password can be shown. `check` answers a sentence that says
 * how to mend it.
 */
export function Field({
  id,
  label,
  hint,
  error,
  type = "text",
  value,
  onInput,
  onLeave,
  children,
  ...rest
}) {
  const [shown, show] = useState(false);
  const below = error ? `${id}-error` : hint ? `${id}-hint` : null;
  const shared = {
    id,
    name: id,
    "aria-describedby": below,
    "aria-invalid": error ? "true" : null,
    onBlur: onLeave,
    ...rest,
  };
  return html`<div class=${cx("field", error && "field-wrong")}>
    <label for=${id}>${label}</label>
    ${
      children
        ? children(shared)
        : type === "textarea"
          ? html`
            <textarea
                ...${shared}
                value=${value}
                onInput=${(e) => onInput(e.target.value)}
              ></textarea>
          `
          : html`<div class="field-box">
            <input
              type=${type === "password" && shown ? "text" : type}
              ...${shared}
              value=${value}
              onInput=${(e) => onInput(e.target.value)}
            />
            ${
              type === "password" &&
              html`
                <button
                  type="button"
                  class="field-show"
                  aria-pressed=${shown ? "true" : "false"}
                  aria-label=${shown ? t.hidePassword : t.showPassword}
                  onClick=${() => show(!shown)}
                >
                  ${shown ? t.hide : t.show}
                </button>
              `
            }
          </div>`
    }
    ${
      error
        ? html`<p class="field-error" id=${`${id}-error`}>
          <${Icon} name="warning" size=${18} />
          <span>${error}</span>
        </p>`
        : hint && html`<p class="field-hint" id=${`${id}-hint`}>${hint}</p>`
    }
  </div>`;
}

/** Large radio buttons. `options` are [value, label]. */
export function Choices({ name, legend, options, value, onChange, row }) {
  return html`<fieldset class="choices-set">
    <legend>${legend}</legend>
    <div class=${cx("choices", row && "choices-row")}>
      ${options.map(
        ([
          key,
          label,
        ]) => html`<label key=${key} class=${cx("choice", value === key && "choice-on")}>
          <input
            type="radio"
            name=${name}
            value=${key}
            checked=${value === key}
            onChange=${() => onChange(key)}
          />
          <span>${label}</span>
        </label>`,
      )}
    </div>
  </fieldset>`;
}

export function Switch({ id, label, hint, checked, onChange, disabled }) {
  return html`<div class="switch-row">
    <div>
      <label for=${id}>${label}</label>
      ${hint && html`<p class="secondary" id=${`${id}-hint`}>${hint}</p>`}
    </div>
    <input
      id=${id}
      type="checkbox"
      role="switch"
      class="switch"
      checked=${checked}
      disabled=${disabled}
      aria-describedby=${hint ? `${id}-hint` : null}
      onChange=${(e) => onChange(e.target.checked)}
    />
  </div>`;
}

/**
 * A question: the title asks it, the buttons name the act; Escape and the last button cancel.
 */
export function Dialog({ title, onClose, children }) {
  const ref = useRef(null);
  const opener = useRef(document.activeElement);
  useEffect(() => {
    const dialog = ref.current;
    dialog.showModal();
    return () => {
      if (dialog.open) dialog.close();
      if (opener.current?.isConnected) opener.current.focus({ preventScroll: true });
    };
  }, []);
  return html`
    <dialog
      ref=${ref}
      class="dialog"
      aria-labelledby="dialog-title"
      onCancel=${(e) => {
        e.preventDefault();
        onClose();
      }}
      onClick=${(e) => {
        if (e.target === ref.current) onClose();
      }}
    >
      <div class="dialog-inner"><h2 id="dialog-title" tabindex="-1">${title}</h2>${children}</div>
    </dialog>
  `;
}

/**
 * A question before an act, which `confirm` does; what it is refused with stands in the dialog.
 * With a `reasonId` it asks for a reason, which `confirm` gets.
 */
export function ConfirmDialog({ title, lead, button, kind, icon, back, reasonId, ...rest }) {
  const { confirm, onClose, children } = rest;
  const [reason, setReason] = useState("");
  const { busy, problem, act } = useAct();
  const go = () => act(() => confirm(reason.trim()));
  return html`<${Dialog} title=${title} onClose=${onClose}>
    ${lead && html`<p class="secondary">${lead}</p>`}
    ${children}
    ${
      reasonId &&
      html`<${Field}
        id=${reasonId}
        label=${t.reasonOptional}
        value=${reason}
        maxlength="200"
        onInput=${setReason}
      />`
    }
    <${ProblemLine} problem=${problem} />
    <div class="dialog-buttons">
      <${Button} kind=${kind} icon=${icon} busy=${busy} onClick=${go}>
        ${button}
      <//>
      <${Button} kind="quiet" onClick=${onClose}>${back || t.goBack}<//>
    </div>
  <//>`;
}

/** What a form found wrong, after sending: links to the fields. */
export function Summary({ errors, labels }) {
  const ref = useRef(null);
  const names = Object.keys(errors).filter((name) => errors[name] && labels[name]);
  useEffect(() => {
    if (names.length) ref.current?.focus();
  }, [names.join()]);
  if (!names.length) return null;
  return html`
    <div
      class="summary"
      tabindex="-1"
      ref=${ref}
      role="group"
      aria-label=${t.thingsToMend(names.length)}
    >
      <${Icon} name="warning" size=${22} />
      <div>
        <strong>${t.thingsToMend(names.length)}</strong>
        <p>
          ${names.map(
            (name, i) =>
              html`
                ${i > 0 && (i === names.length - 1 ? ` ${t.and} ` : ", ")}
                <a
                  href=${`#${name}`}
                  onClick=${(e) => {
                    e.preventDefault();
                    document.getElementById(name)?.focus();
                  }}
                >
                  ${labels[name]}
                </a>
              `,
          )}
        </p>
      </div>
    </div>
  `;
}

/** An empty part: a sign, a sentence, a button. */
export const Empty = ({
  sign,
  tone,
  title,
  text,
  children,
  level = 2,
}) => html`<div class="card empty">
  ${
    sign &&
    (typeof sign === "string"
      ? html`<span class=${cx("empty-sign", tone && `tone-${tone}`)}>
        <${Icon} name=${sign} size=${26} />
      </span>`
      : sign)
  }
  ${level === 1 ? html`<h1 tabindex="-1">${title}</h1>` : html`<h2>${title}</h2>`}
  ${text && html`<p class="secondary">${text}</p>`}
  ${children}
</div>`;

/** Something that could not be loaded, and why. */
export const LoadFailed = ({ problem, ...rest }) =>
  html`<${Empty} sign="offline" title=${t.notNow} text=${problemText(problem)} ...${rest} />`;

/** A placeholder while loading, shown after a moment, so that a quick answer does not flash. */
export function Skeleton({ rows = 3 }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 300);
    return () => clearTimeout(timer);
  }, []);
  return html`<div class=${cx("card", "skeleton", late && "skeleton-on")} aria-busy="true">
    <span class="hidden">${late && t.loading}</span>
    ${[...Array(rows)].map((_, i) => html`<span key=${i} class=${`bone bone-${i % 3}`}></span>`)}
  </div>`;
}

/** Run an act once at a time; `problem` is what came of it. */
export function useAct() {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);
  const alive = useRef(true);
  useEffect(
    () => () => {
      alive.current = false;
    },
    [],
  );
  const act = async (work) => {
    if (busy) return undefined;
    setBusy(true);
    setProblem(null);
    try {
      return await work();
    } catch (caught) {
      if (alive.current) setProblem(caught);
      if (caught.status === undefined) throw caught;
      return undefined;
    } finally {
      if (alive.current) setBusy(false);
    }
  };
  return { busy, problem, act, setProblem };
}

/** The text of a problem, for the reader. */
export const problemText = (problem) =>
  problem.network ? t.noAnswer : t.problems[problem.slug] || problem.message;
export const ProblemLine = ({ problem }) =>
  problem &&
  html`<p class="wrong" role="alert">
    <${Icon} name="warning" size=${20} />
    <span>${problemText(problem)}</span>
  </p>`;
