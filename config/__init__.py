"""Settings, addresses and servers: what puts the product together."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
