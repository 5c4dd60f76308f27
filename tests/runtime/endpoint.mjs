// Runs the stand-in for Workers AI among canned answers of an endpoint, with no workerd.
//
// Standard input is a list of cases: {env, model, inputs, replies}. Each request of a case takes the
// next reply (the last one again and again): {status, headers, body}, {hang: true}, {refuse: true}
// or {cut: true}. Standard output is a list of {result | error, requests}.
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const { run } = await import(pathToFileURL(path.join(process.argv[2], 'ai.js')));
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);

/** What fetch() does for one reply. */
async function replied({ status = 200, headers, body, hang, refuse, cut }, { signal }) {
  if (refuse) throw new TypeError('connection refused');
  if (hang) {
    // Only a timer keeps this process: a signal's own does not.
    const timer = setInterval(() => {}, 1000);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    clearInterval(timer);
    throw signal.reason;
  }
  if (cut) {
    const broken = new ReadableStream({
      pull(controller) {
        controller.error(new TypeError('the connection was lost'));
      },
    });
    return new Response(broken, { status, headers });
  }
  return new Response(body, { status, headers });
}

async function outcome({ env, model, inputs, replies }) {
  const requests = [];
  globalThis.fetch = async (url, init) => {
    requests.push({ url, headers: init.headers, redirect: init.redirect, body: JSON.parse(init.body) });
    const reply = replies[Math.min(requests.length, replies.length) - 1];
    if (reply.embeddings) {
      const data = requests.at(-1).body.input.map((text, index) => ({ index, embedding: [text.length, 1] }));
      return Response.json({ data });
    }
    return replied(reply, init);
  };
  try {
    const answer = await run(env, model, inputs);
    const result = answer instanceof ReadableStream ? await new Response(answer).text() : answer;
    return { result, requests };
  } catch ({ name, message, note }) {
    return { error: { name, message, note }, requests };
  }
}

const outcomes = [];
for (const one of JSON.parse(Buffer.concat(chunks).toString('utf8'))) outcomes.push(await outcome(one));
console.log(JSON.stringify(outcomes));
