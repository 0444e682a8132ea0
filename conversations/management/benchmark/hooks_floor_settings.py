"""The site's settings with the floor of `benchmark hooks` for its only address."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "conversations.management.benchmark.hooks_floor"
