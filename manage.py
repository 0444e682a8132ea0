#!/usr/bin/env python
"""Parley's commands: `manage.py help` lists them."""

import os
import sys

from django.core.management import execute_from_command_line

from config import local_services


def main() -> None:
    """Run one command, with embedded PostgreSQL and Valkey where no others are configured."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    with local_services.serving(sys.argv):
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
