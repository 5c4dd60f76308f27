// Runs the stand-in for Workers AI among canned answers of an endpoint, with no workerd.
//
// Standard input is a list of cases: {env, model, inputs, replies}. Each request of a case takes the
// next reply (the last one again and again): {status, headers, body}, {refuse: true}, or one that
// hangs or breaks off after its body: {hang: true}, {hang: 'comments'} if it sends comments then,
// {cut: true}. A body may come in pieces of `cuts` bytes. Standard output is a list of
// {result | error, requests}; a stream that fails also has {broken}.
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const load = (name) => import(pathToFileURL(path.join(process.argv[2], name)));
const { run } = await load('ai.js');
const { eventStream } = await load('events.js');
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);

/** What fetch() does for one reply. */
async function replied({ status = 200, headers, body, hang, refuse, cut, cuts }, { signal }) {
  if (refuse) throw new TypeError('connection refused');
  if (hang && body === undefined) await aborted(signal);
  if (!hang && !cut && !cuts) return new Response(body, { status, headers });
  return new Response(inPieces(body ?? '', cuts, { hang, cut, signal }), { status, headers });
}

function inPieces(body, size = Infinity, { hang, cut, signal }) {
  const bytes = Buffer.from(body);
  let start = 0;
  return new ReadableStream({
    async pull(controller) {
      if (start < bytes.length) {
        controller.enqueue(bytes.subarray(start, start + size));
        start += size;
        return;
      }
      if (cut) throw new TypeError('the connection was lost');
      if (hang === 'comments' && !signal.aborted) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        return controller.enqueue(Buffer.from(': still there\n\n'));
      }
      if (signal.aborted) throw signal.reason;
      if (hang) await aborted(signal);
      controller.close();
    },
  });
}

async function aborted(signal) {
  // Only a timer keeps this process: a signal's own does not.
  const timer = setInterval(() => {}, 1000);
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  clearInterval(timer);
  throw signal.reason;
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
    if (!answer[Symbol.asyncIterator]) return { result: answer, requests };
    const read = { result: '', requests };
    try {
      for await (const piece of eventStream(answer)) read.result += Buffer.from(piece).toString('utf8');
    } catch ({ name, message, note }) {
      read.broken = { name, message, note };
    }
    return read;
  } catch ({ name, message, note }) {
    return { error: { name, message, note }, requests };
  }
}

const outcomes = [];
for (const one of JSON.parse(Buffer.concat(chunks).toString('utf8'))) outcomes.push(await outcome(one));
console.log(JSON.stringify(outcomes));
