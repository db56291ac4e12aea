"""The project's WebSocket."""

import logging

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import path

logger = logging.getLogger("shop")


class Visitor(AsyncWebsocketConsumer):
    """Writes lines with the nonce of its own handshake, whoever is the cause of them."""

    async def connect(self):
        self.nonce = self.scope["url_route"]["kwargs"]["nonce"]
        await self.channel_layer.group_add("everyone", self.channel_name)
        await self.accept()
        logger.info("opened %s", self.nonce)

    async def receive(self, text_data=None, bytes_data=None):
        logger.info("received %r in %s", text_data, self.nonce)
        await sync_to_async(logger.info)("stored %r in %s", text_data, self.nonce)
        await self.send(text_data)

    async def announced(self, event):
        logger.info("announced by %s in %s", event["by"], self.nonce)
        await self.send(event["by"])

    async def disconnect(self, code):
        logger.info("closed %s", self.nonce)


websocket_urlpatterns = [path("socket/<nonce>", Visitor.as_asgi())]
