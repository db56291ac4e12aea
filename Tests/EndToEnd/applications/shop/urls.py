"""Where each view of the project is."""

from django.urls import path

from . import views

urlpatterns = [
    path("job/<nonce>", views.work),
    path("async-work/<nonce>", views.async_work),
    path("stream/<nonce>", views.stream),
    path("async-stream/<nonce>", views.async_stream),
    path("threads/<nonce>", views.threads),
    path("fail/<nonce>", views.fail),
    path("async-fail/<nonce>", views.async_fail),
    path("announce/<nonce>", views.announce),
    path("order/<nonce>", views.order),
]
