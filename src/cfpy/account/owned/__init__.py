"""What an account owns: a module for each kind, which says what a project wants of it, how it is
read, and which steps follow. ``kind`` describes them, ``registry`` lists them. Pure: ``outside`` is
what they ask of Cloudflare's API and of wrangler.
"""
