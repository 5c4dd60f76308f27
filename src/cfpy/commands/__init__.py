"""One use case a module: ``run(ctx, request) -> Result``. Nothing here prints."""
