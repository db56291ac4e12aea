"""The same small site on ASGI, with a WebSocket besides."""

import logging

from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")


def log(request, message):
    logging.getLogger("shop").info("%s [req-%s]", message, request.headers.get("x-request-id"))


async def show(request):
    log(request, f"shown {request.url.path}")
    return JSONResponse({
        "request_id": request.headers.get("x-request-id"),
        "forwarded_for": request.headers.get("x-forwarded-for"),
        "host": request.headers["host"],
        "secure": request.url.scheme == "https",
        "cookies": request.cookies,
        "query": dict(request.query_params),
    })  # fmt: skip


async def upload(request):
    if request.headers.get("content-type", "").startswith("multipart/"):
        async with request.form() as form:
            size = len(await form["file"].read())
    else:
        size = len(await request.body())
    log(request, f"uploaded {size} bytes")
    return JSONResponse({"size": size, "request_id": request.headers["x-request-id"]})


async def login(request):
    log(request, "logged in")
    response = RedirectResponse("/", status_code=302)
    response.set_cookie("session", "s-1")
    response.set_cookie("theme", "dark")
    return response


async def stream(request):
    log(request, "streamed")
    return StreamingResponse(f"part {number}\n" for number in range(100))


async def fail(request):
    log(request, "about to fail")
    raise RuntimeError("on purpose")


async def socket(websocket):
    await websocket.accept()
    log(websocket, "opened")
    await websocket.send_text(websocket.headers["x-request-id"])
    await websocket.close()


application = Starlette(routes=[
    Route("/", show),
    Route("/upload", upload, methods=["POST"]),
    Route("/login", login),
    Route("/stream", stream),
    Route("/fail", fail),
    WebSocketRoute("/socket", socket),
])  # fmt: skip
