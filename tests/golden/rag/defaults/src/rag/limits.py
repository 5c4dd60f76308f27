"""Every limit in one place, each with the reason for its value.

Where a number is Cloudflare's, it is the one documented in November 2026.
"""

# Requests. A Worker has 128 MB of memory: a body lives in it once as bytes, once as text and once
# as parsed JSON, next to the vectors of one batch.
MAX_BODY_BYTES = 4_000_000
MAX_DOCUMENTS = 50
# Some 800 chunks of prose, 5,500 of nothing but digits: 50 to 330 calls to Workers AI, Vectorize
# and D1, which a paid Worker (10,000 subrequests) hardly notices, and a few seconds of CPU.
MAX_DOCUMENT_BYTES = 1_000_000
# A file lives in the form, on its own and as JavaScript's: three times, beside the interpreter.
MAX_FILE_BYTES = 10_000_000
MAX_FORM_BYTES = 12_000_000
MAX_QUERY_CHARS = 1_000
# What is wrong with a request is listed, up to this: a body has room for a million mistakes.
MAX_ERRORS = 20

# Documents. Title and text share the embedding model's input, so a title must stay short.
MAX_ID_CHARS = 128
MAX_TITLE_CHARS = 200
MAX_SOURCE_CHARS = 500
MAX_METADATA_KEYS = 16
MAX_METADATA_KEY_CHARS = 64
MAX_METADATA_CHARS = 500
# Vectorize indexes the first 64 bytes of a metadata text: a longer one would match its neighbours.
MAX_FILTER_VALUE_BYTES = 64
# Vectorize refuses a filter of 2,048 bytes or more, as JSON.
MAX_FILTER_BYTES = 2_047

# Chunks, in estimated tokens. The BGE models read 512 tokens and ignore the rest. A chunk, its
# overlap and long headings stay below 460: room for an estimate that is a tenth too low. Only texts
# full of chemical names came close to 512 when measured with the tokenizer of bge-base-en-v1.5.
CHUNK_TOKENS = 320
OVERLAP_TOKENS = 40
# Title and headings above a chunk; a longer title is kept alone.
HEADING_TOKENS = 90
# A section that is shorter may share its chunk with the next one.
SHORT_TOKENS = 80
# White space is not a token, but it would make a chunk as long as the document. In characters:
# enough to indent code or to line up a table.
MAX_BLANK = 32

# Batches. Workers AI embeds at most 100 texts a call; Vectorize deletes at most 100 ids a call, and
# returns 20 vectors.
EMBED_BATCH = 100
DELETE_BATCH = 100
GET_BATCH = 20
# A bound value may have 2 MB. 20 chunks are about 40 kB, and below 2 MB even where there is
# MAX_BLANK between any two tokens, all escaped in JSON.
CHUNK_ROWS_BATCH = 20

# Search. The vectors and the text index are the wide net: each gives up to CANDIDATES passages. The
# reranker is the judge: it sees the CANDIDATES best of both and keeps top_k of them.
CANDIDATES = 30
# What reciprocal rank fusion adds to each rank: 60, as in the paper of Cormack and others (2009).
# Small ranks of one list then count no more than middling ones of both.
FUSION_RANK = 60
# Of a question, the text index looks for this many words and phrases.
MAX_TERMS = 64
# A word in more chunks than this is no help, and looking at each of them takes time and money.
MAX_WORD_CHUNKS = 5_000
DEFAULT_TOP_K = 5
MAX_TOP_K = 10

# Chunks of a document that an agent reads at once: some 50 kB, 13,000 tokens.
FETCH_CHUNKS = 40

# Answers. A few paragraphs; output tokens are what an answer costs.
MAX_ANSWER_TOKENS = 800
# What a follow-up refers to is mostly in the last three questions and answers. An answer of
# MAX_ANSWER_TOKENS has some 3,200 characters.
MAX_TURNS = 6
MAX_TURN_CHARS = 4_000

# Pending documents that a request looks for in Vectorize, and documents that a run of the cron
# sweeps. The next one continues.
SETTLE_BATCH = 100
SWEEP_DOCUMENTS = 100

# How long an ingestion holds a document, in seconds, from each batch of its vectors on. Far longer
# than a batch takes; after it, a document whose ingestion was cut off can be ingested again.
CLAIM_SECONDS = 120

DEFAULT_PAGE = 50
MAX_PAGE = 200
