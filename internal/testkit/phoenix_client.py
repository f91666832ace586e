"""Joins a topic with the published Python client and prints every event it is given, a line of JSON each."""

import asyncio
import json
import sys

from phoenix_channels_python_client import PHXChannelsClient


async def main(url: str, topic: str) -> None:
    async def on_message(message) -> None:
        print(json.dumps([str(message.event), message.payload]), flush=True)

    async with PHXChannelsClient(url, api_key="-", protocol_version="1.0") as client:
        await client.subscribe_to_topic(topic, on_message)
        print(json.dumps(["subscribed", {}]), flush=True)
        # Until the test is done with it.
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await client.unsubscribe_from_topic(topic)
        print(json.dumps(["unsubscribed", {}]), flush=True)


asyncio.run(main(sys.argv[1], sys.argv[2]))
