// GET /api/items of the pattern fullstack, as one would write it in JavaScript.
export default {
  async fetch(request, env) {
    const started = Date.now();
    const token = request.headers.get('authorization')?.replace('Bearer ', '');
    if (token !== env.API_TOKEN) return Response.json({ title: 'Unauthorized' }, { status: 401 });
    const { success } = await env.RATE_LIMITER.limit({ key: 'client' });
    if (!success) return Response.json({ title: 'Too Many Requests' }, { status: 429 });
    const query = new URL(request.url).searchParams;
    const limit = Number(query.get('limit') ?? 20);
    const { results } = await env.DB.prepare(
      'SELECT id, name, description, version, status, result, created_at, updated_at ' +
        'FROM items WHERE id > ? ORDER BY id LIMIT ?',
    )
      .bind(Number(query.get('cursor') ?? 0), limit)
      .all();
    const items = results.map((row) => ({ ...row, result: row.result && JSON.parse(row.result) }));
    const next_cursor = items.length === limit ? items.at(-1).id : null;
    env.METRICS.writeDataPoint({ indexes: ['request'], doubles: [Date.now() - started] });
    return Response.json({ items, next_cursor });
  },

  async queue(batch) {
    batch.ackAll();
  },
};
