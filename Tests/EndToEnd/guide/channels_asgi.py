"""The project's asgi.py when it has Channels."""

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

from asgi_request_id import WithRequestID

django_application = get_asgi_application()

from shop.routing import websocket_urlpatterns  # noqa: E402: needs the line above

application = WithRequestID(
    ProtocolTypeRouter({
        "http": django_application,
        "websocket": URLRouter(websocket_urlpatterns),
    })
)
