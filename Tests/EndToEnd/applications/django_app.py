"""A whole Django project in one file; its log carries the request's ID as many teams do it."""

import contextvars
import hashlib
import logging
import os

import django
from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.urls import path

request_id = contextvars.ContextVar("request_id", default="none")


class RequestIDFilter(logging.Filter):
    def filter(self, record):
        record.request_id = request_id.get()
        return True


def request_id_middleware(get_response):
    def middleware(request):
        token = request_id.set(request.META.get("HTTP_X_REQUEST_ID", "none"))
        try:
            return get_response(request)
        finally:
            request_id.reset(token)

    return middleware


LOGGING = {
    "version": 1,
    "filters": {"request_id": {"()": RequestIDFilter}},
    "formatters": {
        "verbose": {
            "format": "{levelname} {asctime} {module} [req-{request_id}] {message}",
            "style": "{",
        }
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "verbose",
            "filters": ["request_id"],
        }
    },
    "loggers": {"shop": {"handlers": ["console"], "level": "INFO"}},
}

settings.configure(
    DEBUG=False,
    SECRET_KEY="only for tests",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[f"{__name__}.request_id_middleware"],
    LOGGING=LOGGING,
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
    USE_X_FORWARDED_HOST=True,
)
django.setup()
logger = logging.getLogger("shop")


def show(request):
    logger.info("shown %s", request.path)
    meta = request.META
    return JsonResponse({
        "request_id": meta.get("HTTP_X_REQUEST_ID"),
        "forwarded_for": meta.get("HTTP_X_FORWARDED_FOR"),
        "host": request.get_host(),
        "secure": request.is_secure(),
        "cookies": request.COOKIES,
        "query": request.GET.dict(),
    })  # fmt: skip


def upload(request):
    data = request.FILES["file"].read() if request.FILES else request.body
    logger.info("uploaded %d bytes", len(data))
    return JsonResponse({"size": len(data), "request_id": request.META["HTTP_X_REQUEST_ID"]})


def checksum(request):
    data = request.body
    return JsonResponse({"size": len(data), "sha256": hashlib.sha256(data).hexdigest()})


def media(request, name):
    """A file that the proxy sends."""
    response = HttpResponse(content_type="text/plain")
    response["X-Accel-Redirect"] = os.environ.get("MEDIA_PREFIX", "/") + name
    response["Content-Disposition"] = "attachment"
    return response


def login(request):
    logger.info("logged in")
    response = HttpResponseRedirect("/")
    response.set_cookie("session", "s-1")
    response.set_cookie("theme", "dark")
    return response


def stream(request):
    logger.info("streamed")
    return StreamingHttpResponse(f"part {number}\n" for number in range(100))


def fail(request):
    logger.error("about to fail")
    raise RuntimeError("on purpose")


urlpatterns = [
    path("", show),
    path("upload", upload),
    path("checksum", checksum),
    path("media/<path:name>", media),
    path("page", show),
    path("login/", login),
    path("login", login),
    path("stream", stream),
    path("fail", fail),
]

from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()
