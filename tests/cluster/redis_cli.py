"""``redis-cli`` as far as ``deploy/redis/healthy.sh`` uses it, by the redis package: the system needs no Redis client.

usage: redis_cli.py [-h HOST] [-p PORT] COMMAND...; the password is in ``REDISCLI_AUTH``. As in ``redis-cli``, an error
is printed and the exit code is 0 when the server answered, 1 when it could not be reached.
"""

from __future__ import annotations

import argparse
import os
import sys

import redis


def main() -> int:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-h", default="127.0.0.1", dest="host")
    parser.add_argument("-p", default=6379, type=int, dest="port")
    parser.add_argument("command", nargs="+")
    asked = parser.parse_args()
    password = os.environ.get("REDISCLI_AUTH")
    with redis.Redis(asked.host, asked.port, password=password, socket_timeout=5) as client:
        client.response_callbacks.clear()
        try:
            reply = client.execute_command(*asked.command)
        except redis.ResponseError as error:
            print(f"ERR {error}")
        except redis.RedisError as error:
            print(error, file=sys.stderr)
            return 1
        else:
            print(reply.decode() if isinstance(reply, bytes) else reply)
    return 0


if __name__ == "__main__":
    sys.exit(main())
