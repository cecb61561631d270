"""Bare Tornado: a WebSocket a user, one Redis subscription, and a message of the usual size to the users named in it.

``python -m bench.limits.live PORT REDIS_URL``. A message on the channel ``bare`` is a JSON list of users.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import tornado.web
import tornado.websocket
import uvloop
from redis.asyncio import Redis

TEXT = json.dumps({"type": "event", "seq": 1, "event": "reminder.due", "data": {"step": "x" * 1050}})


async def main(port: int, redis_url: str) -> None:
    sockets: dict[str, tornado.websocket.WebSocketHandler] = {}

    class Live(tornado.websocket.WebSocketHandler):
        def check_origin(self, origin: str) -> bool:
            return True

        def open(self, *args: str, **kwargs: str) -> None:
            self.user = self.get_argument("user")
            sockets[self.user] = self

        def on_close(self) -> None:
            sockets.pop(self.user, None)

        def on_message(self, message: Any) -> None:
            """Nothing is expected."""

    app = tornado.web.Application([("/live", Live)], log_function=lambda handler: None)
    app.listen(port, "127.0.0.1", backlog=4096)
    async with Redis.from_url(redis_url).pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.subscribe("bare")
        async for message in pubsub.listen():
            for user in json.loads(message["data"]):
                if user in sockets:
                    sockets[user].write_message(TEXT)


uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
