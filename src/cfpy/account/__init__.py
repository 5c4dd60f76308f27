"""A Cloudflare account: observed, planned, provisioned, deployed to, and taken down."""
