"""Django's WSGI application; config.asgi serves it, and any WSGI server can."""

from django.core.wsgi import get_wsgi_application

from config.loading import for_good

with for_good():
    application = get_wsgi_application()
