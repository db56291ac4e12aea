"""The project's wsgi.py. In its settings: from request_id import LOGGING"""

from django.core.wsgi import get_wsgi_application

from wsgi_request_id import with_request_id

application = with_request_id(get_wsgi_application())
