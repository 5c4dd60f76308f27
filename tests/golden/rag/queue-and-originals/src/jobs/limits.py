"""The limits of jobs, each with the reason for its value.

Where a number is Cloudflare's, it is the one documented in November 2026.
"""

# Fetching. What most servers and browsers agree on.
MAX_URL_CHARS = 2_048
# A document's server may send it elsewhere, but not around in circles.
MAX_REDIRECTS = 3
FETCH_SECONDS = 30

# Deliveries. A consumer may run for 15 minutes; a lease outlives that, so two never work at once.
# What is not finished by then is kept, and continued in another delivery.
WORK_SECONDS = 12 * 60
LEASE_SECONDS = 16 * 60
# Waits double. Short ones are the queue's; longer ones end when the cron runs, and cost no message.
FIRST_DELAY_SECONDS = 10
QUEUE_DELAY_SECONDS = 600
MAX_DELAY_SECONDS = 3_600
# Four days, which is how long a queue keeps a message, too. Any outage is over by then.
MAX_ATTEMPTS = 100
# After so many answers of no use the job fails: each is paid for, and the next one would hardly be
# better.
MAX_BAD_ANSWERS = 8
# Workers AI's daily allocation starts again at 00:00 UTC, by its clock.
DAY_SECONDS = 86_400
CLOCK_SECONDS = 600
# As many as max_retries in wrangler.toml: when so many deliveries in a row were cut off, the next
# ones would be, too.
MAX_CRASHES = 7

# Webhooks. A receiver has to answer at once, and work afterwards: it keeps a consumer waiting.
WEBHOOK_SECONDS = 15
# Longer than an attempt may take, so that no two are under way at once.
WEBHOOK_LEASE_SECONDS = 60
# Three days, with waits of up to an hour.
MAX_WEBHOOK_ATTEMPTS = 80

# The sweep. An upload that takes longer than this has been cut off.
UPLOAD_SECONDS = 15 * 60
# Longer than the longest delay between two deliveries, so that only what is lost is sent again.
QUEUED_SECONDS = 6 * 3_600
# A queue that is paused or far behind has the message still, for up to 14 days: one more a day.
QUEUED_AGAIN_SECONDS = DAY_SECONDS
# Those 14 days, and some crashes.
MAX_SWEEPS = 20
# As many messages as one call may send, and as many calls as a run has time for.
SWEEP_JOBS = 100
SWEEP_CALLS = 50
# R2 lists at most 1,000 objects a call.
SWEEP_OBJECTS = 1_000
ORPHAN_SECONDS = 3_600
