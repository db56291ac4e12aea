"""A FastAPI application with the ID on every line of its log: uvicorn module:application."""

import logging.config

from fastapi import FastAPI

from asgi_request_id import WithRequestID
from request_id import LOGGING

logging.config.dictConfig(LOGGING)
app = FastAPI()
application = WithRequestID(app)
