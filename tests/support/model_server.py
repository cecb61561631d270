"""A language model that is none: a real HTTP server for tests, that answers chat completions as it is told.

    python -m tests.support.model_server --port 9009 [--do rules]

It speaks as much of OpenAI's API as the service uses. ``POST /control`` changes its behaviour while it runs:

    {"default": {"do": "rules"}}                                          how it answers from now on
    {"script": [{"do": "status", "status": 429, "retry_after": 7}, ...]}  the next answers, one a call
    {"forget": true}                                                      drop the record of calls

``GET /control`` tells the behaviour and the number of calls; ``GET /requests`` every call received (headers without the
key, body), so that a test can look for words that must not have left. A behaviour is ``{"do": ...}``:

    rules       the steps that the local reader finds in the note (default); "delay_s" waits first (so everywhere)
    answer      "answer": an object, or "content": a string, given as the model's answer; in an object, items that have
                a "quote" and no "s" cite the sentences in which it stands
    obey        a model that obeys everything: a step for each sentence of the note, JSON in the note taken as its own
                answer, and "invent": [item] besides
    status      "status": 429, "retry_after": "7" (header), "message": "..." (for the body)
    refuse      a refusal in its own field; "plain": true as text
    truncate    an answer cut in the middle, finish_reason "length"; filter: "content_filter"
    garbage     "content" or prose: not JSON
    wrong       JSON of a wrong shape
    envelope    "body": any body, with "status" (200), "headers" {} and "content_type"
    hang        nothing, until the caller goes away
    drip        the right answer, a byte each "every_s"
    drop        the connection closed in the middle of the body ("early": true: before a byte)
    huge        "bytes" of blanks; "gzip": true as a compressed bomb
    picky       like rules, but any of "refuses": ["json_schema", "temperature", ...] in the request is a 400
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import json
import re
from collections import deque
from datetime import date
from typing import Any

import tornado.httpserver
import tornado.netutil
import tornado.web
from tornado.iostream import StreamClosedError

from hospital_rt.extraction.llm.prompt import read_sentences
from hospital_rt.extraction.local import LocalReader
from hospital_rt.extraction.sentences import read_sentences as split_sentences

_RULES = LocalReader()


class ModelServer:
    """The server, its behaviour and its memory. Use it in a test's own loop, or as a process of its own."""

    def __init__(self, default: dict[str, Any] | None = None) -> None:
        self.default: dict[str, Any] = default or {"do": "rules"}
        self.script: deque[dict[str, Any]] = deque()
        self.requests: list[dict[str, Any]] = []
        self.asked = asyncio.Event()  # a request has come
        self.gone = asyncio.Event()  # stops whatever hangs
        self._server: tornado.httpserver.HTTPServer | None = None
        self.port = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def calls(self) -> int:
        return len(self.requests)

    def will(self, *script: dict[str, Any]) -> None:
        """The next answers, one a call; then the default again."""
        self.script.extend(script)

    async def start(self, port: int = 0) -> ModelServer:
        routes: list[Any] = [
            (r"/v1/chat/completions", _Completions, {"server": self}),
            (r"/v1/models", _Models),
            (r"/control", _Control, {"server": self}),
            (r"/requests", _Requests, {"server": self}),
        ]
        sockets = tornado.netutil.bind_sockets(port, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        self._server = tornado.httpserver.HTTPServer(tornado.web.Application(routes, log_function=lambda _h: None))
        self._server.add_sockets(sockets)
        return self

    async def stop(self) -> None:
        self.gone.set()
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()

    async def __aenter__(self) -> ModelServer:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


class _Completions(tornado.web.RequestHandler):
    def initialize(self, server: ModelServer) -> None:
        self.model = server

    def on_connection_close(self) -> None:
        self.left.set()

    def prepare(self) -> None:
        self.left = asyncio.Event()

    async def post(self) -> None:
        body = json.loads(self.request.body)
        headers = {k.lower(): v for k, v in self.request.headers.items() if k.lower() != "authorization"}
        self.model.requests.append({"headers": headers, "body": body})
        self.model.asked.set()
        doing = self.model.script.popleft() if self.model.script else self.model.default
        if doing.get("delay_s"):
            await self._rest(doing["delay_s"])
        await getattr(self, f"_{doing['do']}")(doing, body)

    async def _rest(self, seconds: float | None) -> None:
        """Wait, but not longer than the caller or the server stays."""
        waits = [asyncio.ensure_future(e.wait()) for e in (self.left, self.model.gone)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    def _say(self, content: str | None, *, finish: str = "stop", refusal: str | None = None) -> None:
        self.set_header("Content-Type", "application/json")
        self.write(completion(content, finish=finish, refusal=refusal))

    async def _rules(self, _doing: dict[str, Any], body: dict[str, Any]) -> None:
        self._say(json.dumps(await _by_rules(body), ensure_ascii=False))

    async def _answer(self, doing: dict[str, Any], body: dict[str, Any]) -> None:
        said = doing["content"] if "content" in doing else json.dumps(cited(doing["answer"], body), ensure_ascii=False)
        self._say(said)

    async def _obey(self, doing: dict[str, Any], body: dict[str, Any]) -> None:
        answer = obedient(_note(body)[0], doing.get("invent", []))
        self._say(json.dumps(cited(answer, body), ensure_ascii=False))

    async def _status(self, doing: dict[str, Any], _body: dict[str, Any]) -> None:
        self.set_status(doing["status"])
        if "retry_after" in doing:
            self.set_header("Retry-After", str(doing["retry_after"]))
        error = {"message": doing.get("message", "no"), "type": doing.get("type"), "code": doing.get("code")}
        self.write({"error": error})

    async def _refuse(self, doing: dict[str, Any], _body: dict[str, Any]) -> None:
        sorry = "I'm sorry, but I can't help with that."
        self._say(sorry if doing.get("plain") else None, refusal=None if doing.get("plain") else sorry)

    async def _truncate(self, _doing: dict[str, Any], body: dict[str, Any]) -> None:
        whole = json.dumps(await _by_rules(body), ensure_ascii=False)
        self._say(whole[: max(10, len(whole) // 2)], finish="length")

    async def _filter(self, _doing: dict[str, Any], _body: dict[str, Any]) -> None:
        self._say("", finish="content_filter")

    async def _garbage(self, doing: dict[str, Any], _body: dict[str, Any]) -> None:
        self._say(doing.get("content", "Of course! The patient should take warfarin 5 mg daily."))

    async def _wrong(self, _doing: dict[str, Any], _body: dict[str, Any]) -> None:
        self._say(json.dumps({"checklist": "none", "plan": [{"title": "x", "times_per_day": -1}], "patient": 7}))

    async def _envelope(self, doing: dict[str, Any], _body: dict[str, Any]) -> None:
        self.set_status(doing.get("status", 200))
        self.set_header("Content-Type", doing.get("content_type", "application/json"))
        for name, value in doing.get("headers", {}).items():
            self.set_header(name, value)
        body = doing["body"]
        self.write(body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body)

    async def _hang(self, _doing: dict[str, Any], _body: dict[str, Any]) -> None:
        await self._rest(None)

    async def _drip(self, doing: dict[str, Any], body: dict[str, Any]) -> None:
        self.set_header("Content-Type", "application/json")
        for char in json.dumps(completion(json.dumps(await _by_rules(body)))):
            if self.left.is_set() or self.model.gone.is_set():
                return
            self.write(char)
            await self.flush()
            await self._rest(doing.get("every_s", 1.0))

    async def _drop(self, doing: dict[str, Any], body: dict[str, Any]) -> None:
        if not doing.get("early"):
            self.set_header("Content-Type", "application/json")
            self.set_header("Content-Length", "100000")
            self.write('{"id": "cut", "choices": [')
            await self.flush()
        self._auto_finish = False
        connection: Any = self.request.connection
        connection.stream.close()

    async def _huge(self, doing: dict[str, Any], _body: dict[str, Any]) -> None:
        blanks = b" " * int(doing.get("bytes", 50_000_000))
        if doing.get("gzip"):
            self.set_header("Content-Encoding", "gzip")
            blanks = gzip.compress(blanks, 1)
        with contextlib.suppress(StreamClosedError):
            for at in range(0, len(blanks), 65536):
                self.write(blanks[at : at + 65536])
                await self.flush()
            return
        self._auto_finish = False

    async def _picky(self, doing: dict[str, Any], body: dict[str, Any]) -> None:
        said = json.dumps({k: v for k, v in body.items() if k != "messages"})
        for word in doing["refuses"]:
            if word in said:
                await self._status({"status": doing.get("status", 400), "message": f"Unsupported: '{word}'"}, body)
                return
        await self._rules(doing, body)


class _Models(tornado.web.RequestHandler):
    def get(self) -> None:
        self.write({"object": "list", "data": [{"id": "stand-in", "object": "model"}]})


class _Control(tornado.web.RequestHandler):
    def initialize(self, server: ModelServer) -> None:
        self.model = server

    def get(self) -> None:
        self.write({"default": self.model.default, "script": list(self.model.script), "calls": self.model.calls})

    def post(self) -> None:
        wanted = json.loads(self.request.body)
        self.model.default = wanted.get("default", self.model.default)
        if "script" in wanted:
            self.model.script = deque(wanted["script"])
        if wanted.get("forget"):
            self.model.requests.clear()
        self.get()


class _Requests(tornado.web.RequestHandler):
    def initialize(self, server: ModelServer) -> None:
        self.model = server

    def get(self) -> None:
        self.write({"requests": self.model.requests})


def completion(content: str | None, *, finish: str = "stop", refusal: str | None = None) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    return {
        "id": "chatcmpl-stand-in",
        "object": "chat.completion",
        "created": 1,
        "model": "stand-in-1",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }


def _note(body: dict[str, Any]) -> tuple[str, date]:
    """The note and its day, from the last message that holds one."""
    for message in reversed(body.get("messages", [])):
        numbered = read_sentences(str(message.get("content") or ""))
        if numbered:
            text = "\n".join(numbered.values())
            day = re.search(r"\d{4}-\d{2}-\d{2}", message["content"])
            return text, date.fromisoformat(day.group()) if day else date(2026, 1, 1)
    return "", date(2026, 1, 1)


async def _by_rules(body: dict[str, Any]) -> dict[str, Any]:
    text, day = _note(body)
    reading = _RULES.read_now(split_sentences(text, day=day))
    answer = {
        "checklist": [item.model_dump(mode="json", exclude={"start", "end"}) for item in reading.checklist],
        "plan": [item.model_dump(mode="json", exclude={"start", "end"}) for item in reading.plan],
    }
    found: dict[str, Any] = cited(answer, body)
    return found


def cited(answer: Any, body: dict[str, Any]) -> Any:
    """The answer with each item's quote replaced by the numbers of the sentences that it lies in."""
    sentences = _sentences(body)
    if not sentences or not isinstance(answer, dict):
        return answer
    return {
        name: [_cited(item, sentences) if isinstance(item, dict) else item for item in listed]
        if isinstance(listed, list)
        else listed
        for name, listed in answer.items()
    }


def _cited(item: dict[str, Any], sentences: dict[int, str]) -> dict[str, Any]:
    if "s" in item or "quote" not in item:
        return item
    quote = " ".join(str(item["quote"]).split()).casefold().rstrip(" .;")
    folded = {number: text.casefold().rstrip(" .;") for number, text in sentences.items()}
    within = [number for number, text in folded.items() if quote and quote in text]
    over = [number for number, text in folded.items() if text and text in quote]
    return {"s": within[:1] or over, **{name: value for name, value in item.items() if name != "quote"}}


def _sentences(body: dict[str, Any]) -> dict[int, str]:
    """The numbered sentences of the request, from the last message that holds a note."""
    for message in reversed(body.get("messages", [])):
        numbered = read_sentences(str(message.get("content") or ""))
        if numbered is not None:
            return numbered
    return {}


def obedient(note: str, invent: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer of a model that obeys whatever it reads, and adds what it likes."""
    answer: dict[str, list[dict[str, Any]]] = {"checklist": [], "plan": []}
    for sentence in split_sentences(note, day=date(2026, 1, 1)).sentences:
        title = sentence.text[:120]
        answer["checklist"].append({"title": title, "detail": None, "quote": sentence.text, "as_needed": False})
        ordered = re.search(
            r"\b(?:take|add|give|prescribe|start|tell the patient to|stop)\b.{5,100}", sentence.text, re.I
        )
        if ordered:
            part = ordered.group().rstrip(" .;")
            answer["plan"].append({**PLAN_DEFAULTS, "title": part[:120], "quote": part})
    for found in re.finditer(r"\{.*\}", note, re.DOTALL):
        try:
            own = json.loads(found.group())
        except ValueError:
            continue
        for item in own.get("checklist", []):
            answer["checklist"].append({"detail": None, "as_needed": False, "quote": "", **item})
    for item in invent:
        kind = "plan" if "times_per_day" in item else "checklist"
        answer[kind].append({**(PLAN_DEFAULTS if kind == "plan" else {"detail": None, "as_needed": False}), **item})
    return {"checklist": answer["checklist"][:20], "plan": answer["plan"][:20]}


PLAN_DEFAULTS: dict[str, Any] = {
    "detail": None,
    "as_needed": False,
    "start_in_days": 0,
    "times_per_day": 1,
    "every_hours": None,
    "times": None,
    "every_days": 1,
    "duration_days": None,
    "miss_policy": "extend",
}


async def _serve(port: int, do: str) -> None:
    server = await ModelServer({"do": do}).start(port)
    print(f"stand-in model on {server.base_url}", flush=True)
    await server.gone.wait()


def main() -> None:
    words = argparse.ArgumentParser(
        prog="python -m tests.support.model_server", description="A stand-in language model."
    )
    words.add_argument("--port", type=int, default=0)
    words.add_argument("--do", default="rules", help="the behaviour to begin with")
    given = words.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(given.port, given.do))


if __name__ == "__main__":
    main()
