"""The kinds of bindings: a module for each that has code or words of its own, ``others`` for those
that are only facts. Facts: wrangler's ``config-schema.json`` (4.164) and developers.cloudflare.com.
"""
