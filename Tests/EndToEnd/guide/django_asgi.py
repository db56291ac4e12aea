"""The project's asgi.py. In its settings: from request_id import LOGGING"""

from django.core.asgi import get_asgi_application

from asgi_request_id import WithRequestID

application = WithRequestID(get_asgi_application())
