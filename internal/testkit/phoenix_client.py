"""Chats on a topic with the published Python client: prints every event it is given and every reply to what it
was told to push, a line of JSON each; a line on stdin is [event, payload], and the end of stdin is a leave."""

import asyncio
import json
import sys

from phoenix_channels_python_client import PHXChannelsClient, PHXProtocolHandler
from phoenix_channels_python_client.phx_messages import PHXEvent, PHXMessage

V1 = "1.0"


class Pusher:
    """Pushes on the client's own connection and waits for the replies, which on_message is given as well."""

    def __init__(self, client: PHXChannelsClient, topic: str) -> None:
        self.client = client
        self.topic = topic
        self.pushed = 0
        self.waiting: dict[str, asyncio.Future] = {}

    async def push(self, event: str, payload: dict) -> dict:
        self.pushed += 1
        # The client counts its own refs from "1".
        ref = f"push-{self.pushed}"
        reply = self.waiting[ref] = asyncio.get_running_loop().create_future()
        message = PHXMessage(topic=self.topic, event=event, payload=payload, ref=ref)
        try:
            await PHXProtocolHandler(V1).send_message(self.client.connection, message)
            return await asyncio.wait_for(reply, 10)
        finally:
            del self.waiting[ref]

    def is_reply(self, message) -> bool:
        if message.event != PHXEvent.reply or message.ref not in self.waiting:
            return False
        self.waiting[message.ref].set_result(message.payload)
        return True


def tell(event: str, payload: dict) -> None:
    print(json.dumps([event, payload]), flush=True)


async def main(url: str, topic: str) -> None:
    async with PHXChannelsClient(url, api_key="-", protocol_version=V1) as client:
        pusher = Pusher(client, topic)

        async def on_message(message) -> None:
            if not pusher.is_reply(message):
                tell(str(message.event), message.payload)

        await client.subscribe_to_topic(topic, on_message)
        tell("subscribed", {})
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            event, payload = json.loads(line)
            tell(f"reply to {event}", await pusher.push(event, payload))
        await client.unsubscribe_from_topic(topic)
        tell("unsubscribed", {})


asyncio.run(main(sys.argv[1], sys.argv[2]))
