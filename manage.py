#!/usr/bin/env python
"""Parley's commands: `manage.py help` lists them."""

import sys

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from config import local_services
from config.loading import for_good


def main() -> None:
    """Run one command, with embedded PostgreSQL and Valkey where no others are configured."""
    try:
        settings.INSTALLED_APPS  # noqa: B018 a setting that is missing is told in one sentence
    except ImproperlyConfigured as error:
        sys.exit(f"{error}")
    with local_services.serving(sys.argv):
        with for_good():
            django.setup()
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
