// With --runtime workerd, the first Worker of a run: it answers for the page at /__cfpy, from
// bindings of its own to the same local data, and passes everything else to the project's Worker.
// What it logs is read in local/wrangler_output.py.
import { WorkerEntrypoint } from 'cloudflare:workers';
import { PATH, pageAnswer } from '../node/page_answer.mjs';
import html from '../node/page/index.html';
import css from '../node/page/page.css';
import script from '../node/page/page.js';
import { asUpstream } from './upstream.mjs';

const FILES = { 'index.html': html, 'page.css': css, 'page.js': script };
const PAGE = new RegExp(`^${PATH}(/|$)`);

export default class Front extends WorkerEntrypoint {
  async fetch(request) {
    if (PAGE.test(new URL(request.url).pathname)) return answerPage(this.env, request);
    try {
      const { upstream } = this.env.CFPY_PAGE;
      return await asUpstream(request, upstream, (asked) => this.env.CFPY_WORKER.fetch(asked));
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

function answerPage(env, request) {
  const { config, secretNames, ...session } = env.CFPY_PAGE;
  const answer = pageAnswer({
    config,
    session,
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
