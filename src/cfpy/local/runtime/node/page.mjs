// The page at /__cfpy with --runtime node: the content of the bindings of this run, and its live log.
import fs from 'node:fs';
import path from 'node:path';
import { callStandIn } from './bindings.mjs';
import { subscribe } from './events.mjs';
import { configureQueues, dataPoints, modelCalls, queueStates } from './observed.mjs';
import { hasPage, pageAnswer, PATH } from './page_answer.mjs';

const FILES = path.join(import.meta.dirname, 'page');

/**
 * @param {object} session
 * @param {Promise<object>} runtime the result of startMiniflare()
 * @param {Access | null} access
 * @returns {{answer: (request: Request) => Promise<Response>, url: (base: string) => string,
 *   close: () => void}} `url` is empty if there is no page
 */
export function makePage(session, runtime, access) {
  const config = JSON.parse(fs.readFileSync(session.worker, 'utf8'));
  configureQueues(config.queues ?? {});
  const followers = new Set();
  const observed = { dataPoints, modelCalls, queueStates };
  const answer = pageAnswer({
    config,
    session,
    file,
    access,
    follow: async () => follow(followers),
    source: async () => ({ ...(await runtime), call: callStandIn, observed }),
  });
  const close = () => followers.forEach((end) => end());
  const url = (base) => (hasPage(session.host) ? new URL(PATH, base).href : '');
  return { answer, close, url };
}

function file(name) {
  const full = path.join(FILES, name);
  return path.dirname(full) === FILES && fs.existsSync(full) ? fs.readFileSync(full) : null;
}

/** The log as server-sent events, beginning with the recorded ones. */
function follow(followers) {
  const encoder = new TextEncoder();
  let end;
  let stop;
  return new ReadableStream({
    start(controller) {
      const send = (event) =>
        controller.enqueue(encoder.encode(`data: ${JSON.stringify(event)}\n\n`));
      stop = subscribe(send);
      // A listener that is called after the end would fail.
      end = () => {
        stop();
        controller.close();
      };
      followers.add(end);
    },
    cancel() {
      stop();
      followers.delete(end);
    },
  });
}
