// Checks of a form before it is sent: each returns a sentence that says what to correct, or null.
import { t } from "../texts.js";

export const PASSWORD_LEAST = 12;

export const checkEmail = (email) => {
  const value = email.trim();
  if (!value) return t.emailMissing;
  if (!value.includes("@")) return t.emailNoAt;
  if (!/@[^@\s]+\.[^@\s.]{2,}$/.test(value)) return t.emailNoDot;
  return /^[^@\s]+@[^@\s]+$/.test(value) ? null : t.emailWrong;
};
export const checkPassword = (password) => {
  const length = [...password].length;
  if (!length) return t.passwordMissing;
  return length < PASSWORD_LEAST
    ? t.passwordShort(PASSWORD_LEAST - length)
    : length > 128
      ? t.passwordLong
      : null;
};
export const checkName = (name) =>
  name.trim() ? (name.trim().length > 100 ? t.nameLong : null) : t.nameMissing;
export const checkPhone = (phone) =>
  !phone.trim() ||
  (/^\+?[\d ()./-]{3,31}$/.test(phone.trim()) && phone.replace(/\D/g, "").length > 2)
    ? null
    : t.fieldProblems.phone;

/**
 * The values of the fields as the form is sent: a password manager may fill them in without an
 * event.
 */
export const formValues = (event) => Object.fromEntries(new FormData(event.target));

/** The errors of a 422 by field name, in our words where we have them. */
export function fieldErrors(problem) {
  const errors = {};
  for (const { pointer, detail } of problem.errors || []) {
    const name = String(pointer || "")
      .replace(/^#?\//, "")
      .split("/")[0];
    errors[name] = t.fieldProblems[name] || detail;
  }
  return errors;
}
