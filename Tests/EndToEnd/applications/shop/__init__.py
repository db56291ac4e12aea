"""A Django project for the guide's wsgi.py and asgi.py, which it uses as they are."""
