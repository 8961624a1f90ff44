"""Limits on what is held of an answer at a time, in bytes and in rows."""

from __future__ import annotations

# What one statement reads: of a page, of a session, and of its runs, of which it reads no more than so many.
# A longer answer is read in pieces.
MOST_BYTES = 1024 * 1024
MOST_RUNS = 128

# A run or a message that is longer is read by its members, and a member that is longer in pieces.
LONG_ITEM = 32 * 1024
LONG_MEMBER = 2 * 1024
PIECE = 32 * 1024
# a longer list is not read by its items, because the members of each are held in memory
MOST_LISTED = 8

# rows per FETCH, each up to the size of a piece; in transit a piece takes twice its size
ROWS_AT_ONCE = 32

# copies in memory of a value that is read as a whole, while it is parsed and spliced
COPIES = 8
