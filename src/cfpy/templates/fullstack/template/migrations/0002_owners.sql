-- Whose an item is: what Cloudflare Access says of the caller. Items from before belong to nobody.
ALTER TABLE items ADD COLUMN owner TEXT NOT NULL DEFAULT '';

CREATE INDEX items_by_owner ON items (owner, id);
