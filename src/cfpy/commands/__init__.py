"""One use case per module: ``run(ctx, request) -> Result``. Nothing here prints."""
