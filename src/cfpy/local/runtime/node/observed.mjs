// Records the use of bindings that do not store anything: calls of models, data points, messages of
// queues. It keeps the last few of each in memory for the page of this run.
import { tokensOf } from './meter.mjs';

const KEPT = 200;
const PREVIEW = 2000;

const calls = [];
const points = [];
const queues = new Map();

/** Record one call of a binding that returned or, with an `error`, failed. */
export function noteCall(call) {
  if (call.kind === 'Ai' && call.method === 'run') {
    noteModel(call, call.error ? { input: 0, output: 0 } : tokensOf(call.args[1], call.result));
  } else if (call.kind === 'Ai' && call.method === 'transform') {
    // Only the descriptions of images cost something, and their models and tokens are not known here.
    const results = call.result ?? [];
    const output = results.reduce((total, { tokens = 0 }) => total + tokens, 0);
    const free = !results.some(({ mimeType }) => mimeType.startsWith('image/'));
    noteModel({ ...call, args: ['toMarkdown'] }, { input: 0, output, free });
  } else if (call.kind === 'AnalyticsEngineDataset') {
    keep(points, { binding: call.binding, at: Date.now(), ...plain(call.args[0]) });
  }
}

/** Record a call that answers with server-sent events, once they have been read. */
export function noteStream(call, stream) {
  const decoder = new TextDecoder();
  let text = '';
  return stream.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        text += decoder.decode(chunk, { stream: true });
        controller.enqueue(chunk);
      },
      flush() {
        noteModel(call, tokensOf(call.args[1], { usage: lastUsage(text) }));
      },
    }),
  );
}

/**
 * Record that a batch reaches its consumer.
 *
 * @returns {(result: {operations: Array, error?: string}) => void} to call with the result
 */
export function noteBatch({ queue, messages }) {
  const { waiting, handling } = stateOf(queue);
  for (const { id } of messages) {
    waiting.delete(id);
    handling.add(id);
  }
  return ({ operations, error }) => {
    const retried = toRetry(messages, operations, error);
    for (const { id, attempts, timestamp, body } of messages) {
      handling.delete(id);
      const state = stateOf(queue);
      if (!retried.has(id)) state.done += 1;
      else if (attempts <= state.maxRetries) state.waiting.add(id);
      else
        keep(state.given, { id, attempts, sent: timestamp, at: Date.now(), body: preview(body) });
    }
  };
}

/** The messages that are retried: as in Queues, the first operation on each message counts. */
function toRetry(messages, operations, error) {
  const ids = messages.map(({ id }) => id);
  if (error) return new Set(ids);
  const said = new Map();
  for (const [name, id] of operations) {
    for (const one of id === null ? ids : [id]) {
      if (!said.has(one)) said.set(one, name);
    }
  }
  return new Set(ids.filter((id) => said.get(id)?.startsWith('retry')));
}

/** Set up the queues that have a consumer here, from the tables of the derived configuration. */
export function configureQueues({ producers = [], consumers = [] }) {
  for (const { queue } of producers) stateOf(queue);
  for (const { queue, max_retries: maxRetries = 3, dead_letter_queue: next } of consumers) {
    Object.assign(stateOf(queue), { consumed: true, maxRetries, next });
  }
}

/** The last calls of models, the newest first. */
export const modelCalls = () => calls.toReversed();

/** The last data points of a binding, the newest first. */
export const dataPoints = (binding) => points.filter((p) => p.binding === binding).toReversed();

/** The state of each queue. Messages that fail more often than allowed are given up. */
export function queueStates() {
  return Array.from(queues, ([queue, { waiting, handling, ...state }]) => ({
    queue,
    ...state,
    waiting: waiting.size,
    handling: handling.size,
    given: state.given.toReversed(),
  }));
}

function stateOf(queue) {
  if (!queues.has(queue)) {
    const sets = { waiting: new Set(), handling: new Set() };
    queues.set(queue, { ...sets, done: 0, given: [], consumed: false, maxRetries: 3 });
  }
  return queues.get(queue);
}

function noteModel({ binding, args, since, error }, { input, output, free }) {
  const ms = Math.round(performance.now() - since);
  const [model, inputs] = args;
  const pooling = inputs?.pooling;
  keep(calls, { binding, at: Date.now(), model, ms, input, output, free, error, pooling });
}

/** What the last events of a stream say of its tokens. */
function lastUsage(text) {
  const events = Array.from(text.matchAll(/^data: (\{.*)$/gm), ([, json]) => JSON.parse(json));
  return events.map(({ usage, response }) => usage ?? response?.usage).findLast(Boolean);
}

/** A copy that stays valid after Python frees the original. */
function plain({ indexes = [], blobs = [], doubles = [] } = {}) {
  return JSON.parse(JSON.stringify({ indexes, blobs, doubles }));
}

function preview(body) {
  const text = body.base64 ?? JSON.stringify(body.json) ?? '';
  return text.length > PREVIEW ? `${text.slice(0, PREVIEW)}…` : text;
}

function keep(list, item) {
  list.push(item);
  if (list.length > KEPT) list.shift();
}
