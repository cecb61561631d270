// What a form can judge by itself: each answers a sentence that says how to mend it, or null.
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
 * What stands in the fields as the form is sent: what a password manager filled in need not have
 * told of itself.
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
