"""Small clients of the running system's components, on Python's standard library alone.

They read what the system wrote; none of them is part of it, and none shares code with it.
"""
