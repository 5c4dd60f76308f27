// GET /search of the pattern rag, as one would write it in JavaScript: vectors and words, fused, then
// the reranker.
const WORDS =
  'SELECT c.id FROM chunk_index CROSS JOIN chunks c ON c.rowid = chunk_index.rowid ' +
  'CROSS JOIN documents d ON d.id = c.document_id AND d.revision = c.revision ' +
  "WHERE chunk_index MATCH (SELECT ifnull(group_concat(term.value ->> 'match', ' OR '), '\"\"') " +
  'FROM json_each(?) AS term WHERE NOT EXISTS (SELECT 1 FROM chunk_index_words ' +
  "WHERE term = term.value ->> 'word' AND doc > 5000)) ORDER BY rank LIMIT 30";
const PASSAGES =
  'SELECT d.id AS document_id, d.title, d.source, d.metadata, s.position, s.heading, s.text, ' +
  'max(wanted.value) AS score FROM json_each(?) AS wanted JOIN chunks c ON c.id = wanted.key ' +
  'JOIN documents d ON d.id = c.document_id ' +
  "JOIN chunks s ON s.id = substr(c.id, 1, 25) || d.revision || '-' " +
  '|| min(c.position, d.chunks - 1) GROUP BY s.id ORDER BY score DESC, s.id';

async function near(env, query) {
  const { data } = await env.AI.run(env.EMBEDDING_MODEL, { text: [query], pooling: 'cls' });
  const { matches } = await env.VECTORIZE.query(data[0], { topK: 30 });
  return matches.map(({ id }) => id);
}

async function matching(env, query) {
  // Documents that Vectorize has not processed yet: here there are none.
  await env.DB.prepare(
    "SELECT json_extract(pending, '$.last_chunk') AS id FROM documents " +
      'WHERE pending IS NOT NULL LIMIT 100',
  ).all();
  const words = [...new Set(query.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu))];
  const terms = words.map((word) => ({ word, match: `"${word}"` }));
  const { results } = await env.DB.prepare(WORDS).bind(JSON.stringify(terms)).all();
  return results.map(({ id }) => id);
}

function fused(...rankings) {
  const scores = {};
  for (const ranking of rankings)
    ranking.forEach((id, rank) => (scores[id] = (scores[id] ?? 0) + 1 / (61 + rank)));
  const best = Object.entries(scores).sort(([, one], [, other]) => other - one);
  return Object.fromEntries(best.slice(0, 30));
}

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const token = request.headers.get('authorization')?.replace('Bearer ', '');
    if (token !== env.API_TOKEN) return Response.json({ title: 'Unauthorized' }, { status: 401 });
    const { success } = await env.RATE_LIMITER.limit({ key: 'client' });
    if (!success) return Response.json({ title: 'Too Many Requests' }, { status: 429 });
    const query = url.searchParams.get('q');
    const [, vectors, words] = await Promise.all([
      env.DB.prepare('SELECT embedding_model, pooling FROM vector_index').first(),
      near(env, query),
      matching(env, query),
    ]);
    const wanted = JSON.stringify(fused(vectors, words));
    const { results } = await env.DB.prepare(PASSAGES).bind(wanted).all();
    const contexts = results.map(({ heading, text }) => ({ text: `${heading}\n\n${text}`.trim() }));
    const { response } = await env.AI.run(env.RERANKER_MODEL, { query, contexts });
    response.sort((a, b) => b.score - a.score);
    const sources = response.slice(0, 5).map(({ id, score }) => ({ ...results[id], score }));
    return Response.json({ sources });
  },
};
