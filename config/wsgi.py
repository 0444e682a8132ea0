"""Django's WSGI application; config.asgi serves it, and any WSGI server can."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
