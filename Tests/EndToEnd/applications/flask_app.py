"""The same small site in Flask."""

import logging
import sys

from flask import Flask, Response, jsonify, make_response, redirect, request

application = Flask(__name__)
logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(message)s")


def log(message):
    logging.getLogger("shop").info("%s [req-%s]", message, request.headers.get("X-Request-ID"))


@application.get("/")
def show():
    log(f"shown {request.path}")
    return jsonify(
        request_id=request.headers.get("X-Request-ID"),
        forwarded_for=request.headers.get("X-Forwarded-For"),
        host=request.host,
        secure=request.is_secure,
        cookies=request.cookies,
        query=request.args,
    )


@application.post("/upload")
def upload():
    data = request.files["file"].read() if request.files else request.get_data()
    log(f"uploaded {len(data)} bytes")
    return jsonify(size=len(data), request_id=request.headers["X-Request-ID"])


@application.get("/login")
def login():
    log("logged in")
    response = make_response(redirect("/"))
    response.set_cookie("session", "s-1")
    response.set_cookie("theme", "dark")
    return response


@application.get("/stream")
def stream():
    log("streamed")
    return Response((f"part {number}\n" for number in range(100)), mimetype="text/plain")


@application.get("/fail")
def fail():
    log("about to fail")
    raise RuntimeError("on purpose")
