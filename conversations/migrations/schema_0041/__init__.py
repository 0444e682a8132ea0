"""The database as the first 41 migrations had made it, before there was a release: put together by 0001."""
