// Who is signed in. The access token lives in this module's memory alone; the refresh token in a
// cookie that no script reads.
import { callOpen, Problem } from "./http.js";
import { clear, set, state } from "./store.js";
import { forgetDevice, hasSession, rememberSession } from "./device.js";

let token = null;
let renewing = null;
const onEnd = new Set();

export const accessToken = () => token;

/** Called when the session ends, by choice or not. */
export const whenSessionEnds = (callback) => onEnd.add(callback);

async function oneAtATime(work) {
  // Two pages of one browser share the cookie: they renew one after the other.
  return navigator.locks ? navigator.locks.request("aftercare-renew", work) : work();
}

/**
 * A new access token. Concurrent callers get the same one; `spent` is the token that was refused.
 * Throws a Problem: network when there was no answer (still signed in), 401 when the session is
 * over.
 */
export function renew(spent = token) {
  if (token && token !== spent) return Promise.resolve(token);
  renewing =
    renewing ||
    oneAtATime(() => callOpen("POST", "token/refresh/", {}))
      .then(({ data }) => {
        token = data.access;
        return token;
      })
      .catch((problem) => {
        if (
          problem instanceof Problem &&
          (problem.status === 401 || problem.status === 400 || problem.status === 422)
        )
          end("expired");
        throw problem;
      })
      .finally(() => {
        renewing = null;
      });
  return renewing;
}

export const signIn = (email, password) =>
  signInBy("token/", { email, password, session: "cookie" });

/** Sign in with the credentials that `path` takes; returns the user. */
export async function signInBy(path, body) {
  const { data } = await callOpen("POST", path, body);
  token = data.access;
  rememberSession();
  return data.user;
}

/** Whether this browser was signed in when it was last open. */
export const mayResume = hasSession;

export async function signOut() {
  // Stop listening first: the end of the session is then no news to this page.
  for (const callback of onEnd) callback("signed-out");
  try {
    await callOpen("POST", "token/revoke/", {});
  } catch {
    /* the cookie ends by itself */
  }
  end("signed-out");
}

/** The session is over: forget everything on this page and on this device. */
export function end(why) {
  const was = state.phase;
  token = null;
  forgetDevice({ unsent: why !== "expired" });
  for (const callback of onEnd) callback(why);
  clear("out");
  if ((why === "expired" && was === "in") || why === "erased") set({ endedWhy: why });
}
