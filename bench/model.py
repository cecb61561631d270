"""A stand-in for a language model: answers chat completions after a set time, with the same two steps.

``python -m bench.model PORT SECONDS``
"""

from __future__ import annotations

import asyncio
import json
import sys

import tornado.web
import uvloop

NOTE = "Patient has a chest infection. Take amoxicillin 500 mg twice a day for 7 days. Book a chest X-ray."
_PLAN: dict[str, object] = {
    "title": "Take amoxicillin 500 mg",
    "detail": None,
    "quote": "Take amoxicillin 500 mg twice a day for 7 days",
    "as_needed": False,
    "start_in_days": 0,
    "times_per_day": 2,
    "every_hours": None,
    "times": None,
    "every_days": 1,
    "duration_days": 7,
    "miss_policy": "extend",
}
_CHECKLIST: dict[str, object] = {
    "title": "Book a chest X-ray",
    "detail": None,
    "quote": "Book a chest X-ray",
    "as_needed": False,
}
_CITES = {"Take amoxicillin 500 mg": [2], "Book a chest X-ray": [3]}


def _completion(checklist: list[dict[str, object]], plan: list[dict[str, object]]) -> str:
    message = {"role": "assistant", "content": json.dumps({"checklist": checklist, "plan": plan}), "refusal": None}
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "bench",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
        }
    )


def _by_number(item: dict[str, object]) -> dict[str, object]:
    return {"s": _CITES[str(item["title"])], **{name: value for name, value in item.items() if name != "quote"}}


QUOTING = _completion([_CHECKLIST], [_PLAN])
CITING = _completion([_by_number(_CHECKLIST)], [_by_number(_PLAN)])


async def main(port: int, seconds: float) -> None:
    class Completions(tornado.web.RequestHandler):
        async def post(self) -> None:
            await asyncio.sleep(seconds)  # the model thinks
            self.set_header("Content-Type", "application/json")
            self.finish(CITING if b"[1] " in self.request.body else QUOTING)

    app = tornado.web.Application([(r"/v1/chat/completions", Completions)], log_function=lambda handler: None)
    app.listen(port, "127.0.0.1", backlog=4096)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2])))
