// The live channel: one WebSocket that reconnects, resumes where it was, and misses no event.
import { renew, accessToken } from "./session.js";

const PROTOCOL = "hospital-rt.v1";
const PING_EVERY_MS = 25000;
const PONG_WITHIN_MS = 10000;
const SAY_RECONNECTING_AFTER_MS = 2000;

/**
 * Open the channel. `on` is told: event(message), reset(), state("live" | "reconnecting" |
 * "offline" | "paused"). `resume` is {epoch, seq} of the REST load, so that nothing between it and
 * the channel is lost.
 */
export function openLive(resume, on) {
  let socket = null;
  let position = resume;
  let failures = 0;
  let closed = false;
  let refreshedAfter4401 = false;
  let renewedAfter4403 = false;
  let timers = {};
  let said = null;
  let acked = 0;

  const say = (word) => {
    if (word !== said) {
      said = word;
      on.state(word);
    }
  };
  const later = (name, ms, work) => {
    clearTimeout(timers[name]);
    timers[name] = setTimeout(work, ms);
  };
  const send = (message) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };

  async function connect() {
    clearTimeout(timers.retry);
    if (closed || socket) return;
    if (!navigator.onLine) {
      say("offline");
      return;
    }
    let token;
    try {
      token = accessToken() || (await renew());
    } catch (problem) {
      if (problem.network || problem.status >= 500 || problem.status === 429) retry();
      return;
    }
    if (closed || socket) return;
    const mine = (socket = new WebSocket(
      `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/live/`,
      PROTOCOL,
    ));
    mine.onopen = () =>
      mine.send(
        JSON.stringify(
          position
            ? { type: "auth", token, resume_after: position.seq, epoch: position.epoch }
            : { type: "auth", token, resume_after: null },
        ),
      );
    mine.onmessage = ({ data }) => {
      if (mine === socket) receive(JSON.parse(data));
    };
    mine.onclose = ({ code }) => {
      if (mine === socket) lost(code);
    };
    later("open", 15000, () => {
      if (mine === socket && said !== "live") drop();
    });
  }

  function receive(message) {
    switch (message.type) {
      case "ready":
        failures = 0;
        refreshedAfter4401 = renewedAfter4403 = false;
        clearTimeout(timers.open);
        clearTimeout(timers.say);
        if (!position || position.epoch !== message.epoch)
          position = position || { epoch: message.epoch, seq: message.seq };
        say("live");
        heartbeat();
        break;
      case "event":
        position = { epoch: position.epoch, seq: message.seq };
        on.event(message);
        acknowledge();
        break;
      case "reset":
        position = { epoch: message.epoch, seq: message.seq };
        on.reset();
        break;
      case "expiring":
        renew()
          .then((token) => send({ type: "auth", token }))
          .catch(() => {
            /* the close that follows decides */
          });
        break;
      case "pong":
        clearTimeout(timers.pong);
        break;
    }
  }

  // What was shown, acknowledged at most once a second, and only while the page is visible.
  function acknowledge() {
    if (timers.ack || document.visibilityState !== "visible") return;
    timers.ack = setTimeout(() => {
      timers.ack = null;
      if (position && position.seq > acked) {
        acked = position.seq;
        send({ type: "ack", seq: acked });
      }
    }, 1000);
  }

  function heartbeat() {
    later("ping", PING_EVERY_MS, () => {
      send({ type: "ping", id: "beat" });
      later("pong", PONG_WITHIN_MS, drop);
      heartbeat();
    });
  }

  /** Give this socket up and look for a new one, as after a network that went silent. */
  function drop() {
    const old = socket;
    if (!old) return;
    old.onclose = old.onmessage = null;
    old.close();
    lost(1006);
  }

  function lost(code) {
    socket = null;
    for (const name of ["ping", "pong", "open"]) clearTimeout(timers[name]);
    if (closed) return;
    if (code === 4401) {
      if (refreshedAfter4401) {
        say("paused");
        return;
      }
      refreshedAfter4401 = true;
      soonReconnecting();
      renew(accessToken()).then(connect, (problem) => {
        if (problem.network || problem.status >= 500) {
          refreshedAfter4401 = false;
          retry();
        }
      });
      return;
    }
    if (code === 4403) {
      // the token ended, the session goes on
      const again = renewedAfter4403;
      renewedAfter4403 = true;
      soonReconnecting();
      renew(accessToken()).then(again ? retry : connect, (problem) => {
        if (problem.network || problem.status >= 500 || problem.status === 429) retry();
      });
      return;
    }
    if (code === 4400 || code === 4409) {
      say("paused");
      return;
    }
    retry();
  }

  function soonReconnecting() {
    if (!navigator.onLine) say("offline");
    else if (said === "live" || said === null)
      later("say", SAY_RECONNECTING_AFTER_MS, () => {
        if (!socket || socket.readyState !== WebSocket.OPEN || said === "live")
          say(navigator.onLine ? "reconnecting" : "offline");
      });
    else say("reconnecting");
  }

  function retry() {
    soonReconnecting();
    failures += 1;
    const most = Math.min(30000, 1000 * 2 ** Math.min(failures, 5));
    later("retry", 300 + Math.random() * most, connect);
  }

  const wentOffline = () => {
    clearTimeout(timers.retry);
    drop();
    say("offline");
  };
  const cameBack = () => {
    if (!socket) {
      failures = 0;
      say("reconnecting");
      later("retry", Math.random() * 500, connect);
    }
  };
  const seen = () => {
    if (document.visibilityState === "visible") {
      acknowledge();
      if (!socket && said === "reconnecting") connect();
    }
  };
  window.addEventListener("offline", wentOffline);
  window.addEventListener("online", cameBack);
  document.addEventListener("visibilitychange", seen);
  connect();

  return {
    close() {
      closed = true;
      for (const name of Object.keys(timers)) clearTimeout(timers[name]);
      window.removeEventListener("offline", wentOffline);
      window.removeEventListener("online", cameBack);
      document.removeEventListener("visibilitychange", seen);
      if (socket) {
        socket.onclose = socket.onmessage = null;
        socket.close();
      }
      socket = null;
    },
    /** By hand, after the channel was paused. */
    again() {
      refreshedAfter4401 = false;
      say("reconnecting");
      connect();
    },
  };
}
