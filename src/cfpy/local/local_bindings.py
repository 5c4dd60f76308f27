"""What a run with ``--runtime node`` does with the keys of wrangler's configuration that bind
nothing.

There the project's Python runs in Pyodide, outside workerd. How it uses a binding is a fact of its
kind: :class:`cfpy.bindings.kind.Local`. With ``--runtime workerd`` every kind works as in
``wrangler dev``, except for Workers AI and Vectorize. ``tests/acceptance/test_local_stances.py``
reads the ``config-schema.json`` of the pinned wrangler, and fails on a key that is neither here nor
the table of a kind.
"""

from __future__ import annotations

#: Tables of a Worker in the older format, without modules. Python Workers always use modules:
#: wrangler refuses these tables, and so does cfpy.
OLD_FORMAT = ("wasm_modules", "text_blobs", "data_blobs")
#: The binding of a [site].
SITE_BINDING = "__STATIC_CONTENT"
#: The other keys, and how a run with ``--runtime node`` treats them.
NO_BINDINGS = {
    "names, dates, addresses and accounts, which a local run does not need": (
        "$schema account_id addresses access cache compliance_region first_party_worker keep_vars "
        "limits logpush name observability placement preview_urls previews route routes "
        "send_metrics tail_consumers streaming_tail_consumers upload_source_maps workers_dev env"
    ),
    "the build of JavaScript, which does not apply to Python": (
        "alias define dependencies_instrumentation find_additional_modules jsx_factory "
        "jsx_fragment keep_names minify no_bundle preserve_file_names rules tsconfig base_dir"
    ),
    "read by cfpy": "main compatibility_date compatibility_flags build secrets python_modules",
    "passed to workerd": "site triggers",
    "classes and sockets of the main module, which need --runtime workerd": (
        "migrations exports containers cloudchamber connect"
    ),
    "options of wrangler dev, which do not apply to a local run of cfpy": "dev",
    "Pages, which is not a Worker": "pages_build_output_dir",
}
