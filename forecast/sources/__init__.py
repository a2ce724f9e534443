"""Public sources: one provider a file, which alone know what a publisher calls its figures and where they are.

Two shapes (``source``): a ``Source`` of observations fetches values under the publisher's own keys, which the table of
its series (``series_table``) turns into series; a ``NoticeSource`` fetches official notices as candidates for events.
Both read through ``web``, which retries, waits, asks for what changed, and refuses a page where data should be.
``reading`` makes candidates of the texts of notices. ``providers`` has all of them, ``configuration`` those of the
user. Nothing here writes.
"""
