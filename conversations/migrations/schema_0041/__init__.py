"""The database as the first 41 migrations had made it before there was a release, put together by 0001.

The columns come in the order in which those added them, so that `pg_dump` writes the same for both.
"""
