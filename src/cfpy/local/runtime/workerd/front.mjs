// With --runtime workerd, the first Worker of a run: it answers for the page at /__cfpy, from
// bindings of its own to the same local data, and passes everything else to the project's Worker.
// What it logs is read in local/wrangler_output.py.
import { WorkerEntrypoint } from 'cloudflare:workers';
import { makeAccess } from '../node/access.mjs';
import { PATH, pageAnswer } from '../node/page_answer.mjs';
import html from '../node/page/index.html';
import css from '../node/page/page.css';
import script from '../node/page/page.js';
import { asUpstream } from './upstream.mjs';

const FILES = { 'index.html': html, 'page.css': css, 'page.js': script };
const PAGE = new RegExp(`^${PATH}(/|$)`);
// It keeps tokens from one request to the next.
let access;

export default class Front extends WorkerEntrypoint {
  async fetch(request) {
    access ??= makeAccess(this.env.CFPY_ACCESS);
    if (PAGE.test(new URL(request.url).pathname)) return answerPage(this.env, request);
    try {
      const { upstream } = this.env.CFPY_PAGE;
      const answer = access?.answer(request);
      if (answer) return answer;
      const signed = access ? await withToken(request) : request;
      return await asUpstream(signed, upstream, (asked) => this.env.CFPY_WORKER.fetch(asked));
    } catch (error) {
      // As without this Worker: Miniflare answers so.
      return new Response(error?.stack ?? String(error), { status: 500 });
    }
  }

  async scheduled(controller) {
    const { cron, scheduledTime } = controller;
    const time = new Date(scheduledTime);
    const { outcome, noRetry } = await this.env.CFPY_WORKER.scheduled({ cron, scheduledTime: time });
    if (noRetry) controller.noRetry();
    // cfpy does not show this: the error of the project's Worker is in the log.
    if (outcome !== 'ok') throw new Error(`scheduled() ended with ${outcome}`);
  }

  /** The Workers of the run report here: wrangler itself shows the exceptions of one of them only. */
  tail(events) {
    for (const { exceptions } of events) {
      for (const { name, message, stack } of exceptions) {
        const where = stack && !message.includes(stack) ? `\n${stack}` : '';
        console.error(`cfpy: Uncaught ${name}: ${message}${where}`);
      }
    }
  }

  email(message) {
    return this.env.CFPY_WORKER.email(message);
  }
}

/** A request as Access passes it on. */
async function withToken(request) {
  const headers = new Headers(request.headers);
  for (const [name, value] of await access.added(headers)) headers.set(name, value);
  return new Request(request, { headers });
}

function answerPage(env, request) {
  const { config, secretNames, ...session } = env.CFPY_PAGE;
  const answer = pageAnswer({
    config,
    session,
    access,
    file: (name) => (Object.hasOwn(FILES, name) ? FILES[name] : null),
    follow: () => follow(env),
    // What no binding stores passes inside workerd, where it can't be recorded.
    source: async () => ({ secretNames, raw: env, localServices: () => env.CFPY_LOCAL, call, observed: null }),
  });
  return answer(request);
}

/** The log, from the process of cfpy. */
async function follow({ CFPY_EVENTS_URL: url, CFPY_EVENTS_KEY: key }) {
  const { body } = await fetch(url, { headers: { 'x-cfpy-key': key } });
  return body;
}

/** Call a method of a stand-in. */
async function call(stub, method, args) {
  return stub[method](...args);
}
