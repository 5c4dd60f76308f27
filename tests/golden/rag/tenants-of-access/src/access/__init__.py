"""Who is calling: people and machines that Cloudflare Access has let in."""
