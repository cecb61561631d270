// A patient's day in JavaScript: see the steps, then answer the next reminder as it comes. Runs in a browser's module
// as in Node 22 or newer (20 with --experimental-websocket):
// BASE=http://127.0.0.1:8000 EMAIL=... PASSWORD=... node docs/examples/reminders.mjs
const { BASE, EMAIL, PASSWORD } = process.env;

async function call(method, path, body, headers = {}) {
  const answer = await fetch(BASE + path, {
    method, headers: { "Content-Type": "application/json", ...headers }, body: body && JSON.stringify(body),
  });
  const document = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(`${answer.status} ${document.type}`);
  return document;
}

let { access, refresh } = await call("POST", "/api/token/", { email: EMAIL, password: PASSWORD });
const { items } = await call("GET", "/api/steps/", undefined, { Authorization: `Bearer ${access}` });
for (const step of items) console.log("To do:", step.title);

let seq = null, epoch = null, waits = 500;
function listen() {
  const socket = new WebSocket(`${BASE.replace("http", "ws")}/api/live/`, "hospital-rt.v1");
  const send = (message) => socket.send(JSON.stringify(message));
  // Where it was left it goes on: what came in between comes now, once and in order.
  socket.onopen = () => send({ type: "auth", token: access, ...(epoch && { resume_after: seq, epoch }) });
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "ready") { seq ??= message.seq; epoch ??= message.epoch; waits = 500; console.log("Ready."); }
    if (message.type === "reset") { ({ seq, epoch } = message); console.log("Load everything anew."); }
    if (message.type === "event") {
      seq = message.seq;
      if (message.event === "reminder.due") {
        const { step, slot } = message.data;
        send({ type: "check_in", id: "1", step_id: step.id, slot });
        send({ type: "ack", seq });
      }
    }
    if (message.type === "reply") {
      console.log("Done:", message.data.progress.done);
      socket.close();
      call("POST", "/api/token/revoke/", { refresh });
    }
  };
  socket.onclose = async ({ code }) => {
    if ([1000, 1005, 4400, 4401, 4409].includes(code)) return;
    // The token ended, the session goes on.
    if (code === 4403) ({ access, refresh } = await call("POST", "/api/token/refresh/", { refresh }));
    setTimeout(listen, Math.random() * (code === 1012 ? 5000 : (waits = Math.min(waits * 2, 30000))));
  };
}
listen();
