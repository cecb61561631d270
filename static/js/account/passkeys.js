// Passkeys: the browser's own forms of options and answers (WebAuthn level 3).

/** Whether this browser can use passkeys at this address: none works at a bare IP address. */
export const canUsePasskeys = () =>
  Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON) &&
  window.isSecureContext &&
  !/^[\d.]+$|:/.test(location.hostname);

/** Make a passkey; null when the person changed their mind. */
export async function makePasskey(options) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return asked(() => navigator.credentials.create({ publicKey }));
}

/** Sign a challenge with a passkey; null when the person changed their mind. */
export async function usePasskey(options) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return asked(() => navigator.credentials.get({ publicKey }));
}

async function asked(work) {
  try {
    return (await work()).toJSON();
  } catch (error) {
    if (error.name === "NotAllowedError" || error.name === "AbortError") return null;
    throw error;
  }
}
