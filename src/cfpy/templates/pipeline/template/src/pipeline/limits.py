"""Every limit in one place, each with the reason for its value.

Where a number is Cloudflare's, it is the one documented in November 2026.
"""

# Requests. The consumer holds a file as bytes and as pieces of text, or as bytes and on its way to
# Workers AI in Base64, which has to fit into a Worker's 128 MB.
MAX_FILE_BYTES = 5_000_000
# The headers and boundaries around a file in a form, and a few other fields.
MAX_FORM_BYTES = MAX_FILE_BYTES + 10_000
MAX_FORM_PARTS = 20
MAX_JSON_BYTES = 10_000
MAX_NAME_CHARS = 200
MAX_KEY_CHARS = 255
# When a request that comes again under its key may take over from the first, which has not answered
# yet. The largest file comes in that time at 1 Mbit/s; if the first is alive after all, both store
# the same file and the queue has two messages, which is harmless.
TAKE_OVER_SECONDS = 60
DEFAULT_PAGE = 50
MAX_PAGE = 200
# Results in a page of jobs: after so much, and one more, it ends. A Worker has 128 MB.
MAX_PAGE_CHARS = 1_000_000

# Extraction. Each value of a table or of JSON gets its name, which may then be repeated much more
# often than in the file. The limit is that of the largest plain text, which the numbers here fit.
MAX_TEXT_CHARS = MAX_FILE_BYTES
MAX_JSON_DEPTH = 32
# Python reads a cell of a table, and all cells of a record, with four bytes a character and more.
MAX_CELL_CHARS = 1_000_000
MAX_CELLS = 500_000
# How much of a table shows what its values are separated by.
SAMPLE_RECORDS = 100
SAMPLE_BYTES = 100_000

# Operations. A piece is some 10,000 tokens: far below the 32,000 that the smallest of Workers AI's
# current chat models reads, and short enough that it reads the middle too.
PIECE_CHARS = 40_000
SUMMARY_TOKENS = 500
# The largest file has 125 pieces, their summaries fit into 7, and those into 1.
MAX_ROUNDS = 4
# A translation is as long as its document, and models write less at once than they read.
TRANSLATION_CHARS = 4_000
TRANSLATION_TOKENS = 6_000
# Up to four bytes each, in a row of D1 of at most 2 MB.
MAX_KEPT_CHARS = 400_000
MAX_TRANSLATION_CHARS = MAX_KEPT_CHARS
# With the rest of its row.
MAX_RESULT_BYTES = 1_900_000
LABEL_TOKENS = 20
FIELDS_TOKENS = 1_000
# The invocation's other calls need some of the six connections that it may wait for at once.
PARALLEL_CALLS = 4
