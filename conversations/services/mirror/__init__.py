"""The mirror: what happens to a conversation is told to a provider that keeps it too, and read from there.

`telling` says what goes out, `entries` how it is put, `pushing` carries it over, `taking` brings in what the other
side holds, `syncing` asks for it, `drifts` settles what differs, `comparing` shows both sides, `upkeep` is the sweep.
"""
