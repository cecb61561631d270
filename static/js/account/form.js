// Forms of accounts: fields, and checks before sending.
import { html, useState } from "../html.js";
import { Field, useAct } from "../parts/controls.js";
import { t } from "../texts.js";
import { fieldErrors, formValues } from "./checks.js";

/**
 * A form of named fields. `checks` answers by name what is wrong with a value, or null; `submit`
 * gets the values when nothing is. Errors of a 422 stand at their fields.
 */
export function useForm(checks, submit) {
  const [values, setValues] = useState({});
  const [errors, setErrors] = useState({});
  const { busy, problem, act } = useAct();
  const names = Object.keys(checks);
  const send = (event) => {
    event.preventDefault();
    const now = { ...values, ...formValues(event) };
    setValues(now);
    const found = Object.fromEntries(names.map((name) => [name, checks[name](now[name])]));
    setErrors(found);
    const first = names.find((name) => found[name]);
    if (first) {
      document.getElementById(first).focus();
      return;
    }
    act(async () => {
      try {
        await submit(now);
      } catch (wrong) {
        const refused = wrong.status === 422 ? fieldErrors(wrong) : {};
        if (!names.some((name) => refused[name])) throw wrong;
        setErrors(refused);
      }
    });
  };
  const field = (name) => ({
    id: name,
    value: values[name] || "",
    error: errors[name],
    onInput: (value) => setValues((was) => ({ ...was, [name]: value })),
  });
  return { values, setValues, setErrors, busy, problem, act, send, field };
}

export const EmailField = (rest) =>
  html`<${Field}
    id="email"
    label=${t.email}
    type="email"
    autocomplete="username"
    inputmode="email"
    ...${rest}
  />`;

/** A password; `fresh` when it is chosen here. */
export const PasswordField = ({ fresh, ...rest }) =>
  html`<${Field}
    id="password"
    label=${t.password}
    type="password"
    autocomplete=${fresh ? "new-password" : "current-password"}
    hint=${fresh ? t.passwordHint : null}
    ...${rest}
  />`;

/** For password managers: whose password a form without an address is about. */
export const UserName = ({ email }) =>
  html`<input
    type="text"
    class="hidden"
    autocomplete="username"
    value=${email}
    readonly
    tabindex="-1"
    aria-hidden="true"
  />`;

export const requirePassword = (password) => (password ? null : t.passwordMissing);
