// REST as the person signed in: data or a Problem. Renews the access token once when it has run
// out.
import { send } from "./http.js";
import { accessToken, renew } from "./session.js";

export { Problem, callOpen } from "./http.js";

/** A call as the person signed in. */
export async function call(method, path, options = {}) {
  let token = accessToken() || (await renew());
  try {
    return await send(method, path, { ...options, token });
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    token = await renew(token);
    return send(method, path, { ...options, token });
  }
}

export const get = (path) => call("GET", path);

/** Every page of a list, up to `most` items; `feed` is that of the first page. */
export async function getAll(path, most = 1000) {
  const items = [];
  let cursor = null;
  let feed = null;
  do {
    const join = path.includes("?") ? "&" : "?";
    const page = await get(
      `${path}${join}limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`,
    );
    feed = feed || page.feed;
    items.push(...page.data.items);
    cursor = page.data.next;
  } while (cursor && items.length < most);
  return { items, feed };
}
