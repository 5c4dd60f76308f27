// POST /files of the pattern pipeline and its consumer, as one would write them in JavaScript.
export default {
  async fetch(request, env) {
    const token = request.headers.get('authorization')?.replace('Bearer ', '');
    if (!env.API_TOKENS.includes(`:${token}`)) {
      return Response.json({ title: 'Unauthorized' }, { status: 401 });
    }
    const { success } = await env.RATE_LIMITER.limit({ key: token });
    if (!success) return Response.json({ title: 'Too Many Requests' }, { status: 429 });
    const name = new URL(request.url).searchParams.get('name');
    const id = crypto.randomUUID().replaceAll('-', '');
    await env.DB.prepare(
      "INSERT INTO jobs (id, owner, status, name, media_type) VALUES (?, 'me', 'received', ?, 'text/plain')",
    )
      .bind(id, name)
      .run();
    await env.BUCKET.put(`uploads/${id}`, await request.arrayBuffer());
    await env.QUEUE.send({ job: id });
    await env.DB.prepare("UPDATE jobs SET status = 'queued' WHERE id = ?").bind(id).run();
    const job = await env.DB.prepare('SELECT id, status, name, created_at FROM jobs WHERE id = ?')
      .bind(id)
      .first();
    return Response.json(job, { status: 202 });
  },

  async queue(batch, env) {
    for (const message of batch.messages) {
      const { job } = message.body;
      await env.DB.prepare("UPDATE jobs SET status = 'processing' WHERE id = ?").bind(job).run();
      const text = await (await env.BUCKET.get(`uploads/${job}`)).text();
      const messages = [{ role: 'user', content: `Summarize: ${text}` }];
      const answer = await env.AI.run(env.SUMMARY_MODEL, { messages });
      const summary = answer.choices[0].message.content;
      await env.DB.batch([
        env.DB.prepare(
          'INSERT OR IGNORE INTO results (job_id, summary, characters, model) VALUES (?, ?, ?, ?)',
        ).bind(job, summary, text.length, env.SUMMARY_MODEL),
        env.DB.prepare("UPDATE jobs SET status = 'done' WHERE id = ?").bind(job),
      ]);
      message.ack();
    }
  },
};
