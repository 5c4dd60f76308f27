// GET /search of the pattern rag, as one would write it in JavaScript.
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const token = request.headers.get('authorization')?.replace('Bearer ', '');
    if (token !== env.API_TOKEN) return Response.json({ title: 'Unauthorized' }, { status: 401 });
    const { success } = await env.RATE_LIMITER.limit({ key: 'client' });
    if (!success) return Response.json({ title: 'Too Many Requests' }, { status: 429 });
    const query = url.searchParams.get('q');
    const [, embedded] = await Promise.all([
      env.DB.prepare('SELECT embedding_model, pooling FROM vector_index').first(),
      env.AI.run(env.EMBEDDING_MODEL, { text: [query], pooling: 'cls' }),
    ]);
    const { matches } = await env.VECTORIZE.query(embedded.data[0], { topK: 50 });
    const ids = JSON.stringify(matches.map(({ id }) => id));
    const { results } = await env.DB.prepare(
      'SELECT c.text, c.position, d.id, d.title, d.source, d.metadata ' +
        'FROM json_each(?) AS wanted JOIN chunks c ON c.id = wanted.value ' +
        'JOIN documents d ON d.id = c.document_id AND d.revision = c.revision',
    )
      .bind(ids)
      .all();
    const contexts = results.map(({ title, text }) => ({ text: `${title}\n\n${text}` }));
    const { response } = await env.AI.run(env.RERANKER_MODEL, { query, contexts });
    response.sort((a, b) => b.score - a.score);
    const passages = response.slice(0, 5).map(({ id, score }) => ({ ...results[id], score }));
    return Response.json({ passages });
  },
};
