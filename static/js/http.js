// One HTTP request: data or a Problem. Independent of the session.

/**
 * What went wrong, in the service's own words (RFC 9457); slug "network" when there was no answer
 * at all.
 */
export class Problem extends Error {
  constructor(status, body = {}) {
    super(body.detail || body.title || `HTTP ${status}`);
    this.status = status;
    this.slug =
      String(body.type || "")
        .split("/")
        .pop() || "unknown";
    this.title = body.title || "";
    this.errors = body.errors || [];
    this.nextAllowedAt = body.next_allowed_at || null;
    this.challenge = body.challenge || null; // of a second factor, with its kinds and options
    this.kinds = body.kinds || [];
    this.options = body.options || null;
    this.retryAfterS = null;
  }
  get network() {
    return this.status === 0;
  }
  /** Not served here, or not mine: this part of a page is left out. */
  get absent() {
    return this.status === 404 || this.status === 405 || this.status === 501;
  }
}

// How far the clock of this device is behind that of the service, as the last answer told.
const CLOCK_WRONG_MS = 60000;
let behindMs = 0;
function readServerTime(header) {
  const told = Date.parse(header || "");
  if (Number.isNaN(told)) return;
  const behind = told - Date.now();
  behindMs = Math.abs(behind) > CLOCK_WRONG_MS ? behind : 0;
}
/** Now, ms, by the clock of the service where that of this device is wrong. */
export const serverNow = () => Date.now() + behindMs;
export const clockIsWrong = () => behindMs !== 0;

export const noAnswer = () => new Problem(0, { type: "/problems/network", title: "No answer" });

export async function send(method, path, { body, key, token, timeoutMs = 15000 } = {}) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  if (key) headers["Idempotency-Key"] = key;
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), timeoutMs);
  try {
    const answer = await fetch(`/api/${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      signal: stop.signal,
    });
    readServerTime(answer.headers.get("Date"));
    const text = await answer.text();
    let data = null;
    try {
      data = text ? JSON.parse(text) : null;
    } catch {
      data = null;
    }
    if (!answer.ok) {
      const problem = new Problem(answer.status, data || {});
      problem.retryAfterS = Number(answer.headers.get("Retry-After")) || null;
      throw problem;
    }
    return { data, status: answer.status, feed: feedOf(answer.headers.get("X-Feed")) };
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw noAnswer();
  } finally {
    clearTimeout(timer);
  }
}

function feedOf(header) {
  const at = header ? header.lastIndexOf(":") : -1;
  return at < 0 ? null : { epoch: header.slice(0, at), seq: Number(header.slice(at + 1)) };
}

/** A call without an account. */
export const callOpen = (method, path, body) => send(method, path, { body });
