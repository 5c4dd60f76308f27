"""Converts documents to Markdown on this machine, for ``env.AI.toMarkdown()`` of a local Worker."""
