"""A patient's day in Python: see the steps, then answer the next reminder as it comes.

BASE=http://127.0.0.1:8000 EMAIL=... PASSWORD=... python docs/examples/reminders.py
"""

import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from clients.hospital_rt_client import Client


async def main() -> None:
    base, email, password = (os.environ[name] for name in ("BASE", "EMAIL", "PASSWORD"))
    # The channel is opened before the steps are read, so that nothing is missed in between.
    async with Client(base, email, password) as client, client.live() as live:
        for step in await client.items("/api/steps/"):
            print("To do:", step["title"], flush=True)
        async for event in live:
            if event.name == "reminder.due":
                step = await live.check_in(event.data["step"]["id"], slot=event.data["slot"])
                print("Done:", step["progress"]["done"], flush=True)
                await live.ack(event.seq)  # shown: no push and no letter about it
                return


asyncio.run(main())
