"""A Flask application with the ID on every line of its log."""

import logging.config

from flask import Flask

from request_id import LOGGING
from wsgi_request_id import with_request_id

logging.config.dictConfig(LOGGING)
app = Flask(__name__)
app.wsgi_app = with_request_id(app.wsgi_app)
