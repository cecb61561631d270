// A certified OpenID provider (npm oidc-provider) for the tests: one client, people by their login, keys that change.
// Arguments: a port and a file with the settings. A line on standard output says that it listens.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { Provider } from "oidc-provider";

const [port, file] = process.argv.slice(2);
const settings = JSON.parse(readFileSync(file, "utf8"));
const issuer = `http://127.0.0.1:${port}`;

// People: login -> claims. Whoever is not listed has the login alone.
const claimsOf = (sub) => ({ sub, ...(settings.people[sub] || {}) });

const newKey = () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig", alg: "RS256" };
};

const make = () =>
  new Provider(issuer, {
    clients: [
      {
        client_id: settings.client_id,
        client_secret: settings.client_secret,
        redirect_uris: [settings.redirect_uri],
        backchannel_logout_uri: settings.logout_uri,
        backchannel_logout_session_required: true,
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    jwks: { keys: [newKey()] },
    cookies: { keys: ["for-tests-only"] },
    claims: { openid: ["sub", "sid"], profile: ["name", "groups"], email: ["email", "email_verified"] },
    conformIdTokenClaims: settings.claims_by_userinfo === true,
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => claimsOf(sub) }),
    features: {
      devInteractions: { enabled: true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    pkce: { required: () => true },
    fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
  });

let provider = make();
let away = false;
let waiting = false;
createServer((request, response) => {
  const { pathname } = new URL(request.url, issuer);
  if (pathname === "/tests/away" || pathname === "/tests/slow" || pathname === "/tests/back") {
    away = pathname === "/tests/away";
    waiting = pathname === "/tests/slow";
    response.end("ok");
    return;
  }
  if (pathname === "/tests/new-keys") {
    provider = make(); // the same people and client, other keys
    response.end("ok");
    return;
  }
  if (away) {
    response.writeHead(503).end();
    return;
  }
  if (waiting) return; // no answer at all
  provider.callback()(request, response);
}).listen(Number(port), "127.0.0.1", () => console.log("listens"));
