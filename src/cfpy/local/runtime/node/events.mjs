// The events on standard output, and the event objects that Python handlers receive.

import fs from 'node:fs';
import path from 'node:path';
import { advise } from './advice.mjs';
import { withoutOwnFrames } from './traces.mjs';

// Only emit() may write there: a console.log in a library must not break the lines.
const write = process.stdout.write.bind(process.stdout);
// The time even while a Worker's modules are imported, for which there is none.
const { now } = Date;
console.log = console.info = console.debug = console.error;

// Where files are in the interpreter, and in the project.
let places = [];
let pyproject = '';
const HISTORY = 500;
const history = [];
const listeners = new Set();

/** Show paths of the interpreter as paths of `project`: [of the interpreter, of the project]. */
export function showPlaces(pairs, project) {
  places = pairs;
  pyproject = path.join(project, 'pyproject.toml');
}

/**
 * `text` with paths of the project, which people know, without the frames of cfpy, and with advice
 * that is right for a Worker.
 */
export function inProject(text) {
  const seen = places.reduce((all, [inside, outside]) => all.replaceAll(inside, outside), text);
  return advise(withoutOwnFrames(seen), { hasPyproject: fs.existsSync(pyproject) });
}

/** Report one event to cfpy, and to viewers of this run's page. */
export function emit(event, data = {}) {
  const message = { event, ...data };
  if (typeof data.text === 'string') message.text = inProject(data.text);
  write(`${JSON.stringify(message)}\n`);
  history.push({ ...message, at: now() });
  if (history.length > HISTORY) history.shift();
  for (const listener of listeners) listener(history.at(-1));
}

/** Tell cfpy alone that its last line was read. */
export function acknowledge() {
  write(`${JSON.stringify({ event: 'heard' })}\n`);
}

/**
 * Call `listener` with the last events and with each new one.
 *
 * @returns {() => void} ends it
 */
export function subscribe(listener) {
  history.forEach(listener);
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Report a fatal error, and exit. */
export function fatal(code, text) {
  emit('fatal', { code, text });
  process.exit(1);
}

/**
 * One queue message. Its ack() and retry() are recorded, and applied to the real batch in workerd.
 */
class QueueMessage {
  #operations;

  constructor({ id, timestamp, attempts, body }, operations) {
    this.id = id;
    this.timestamp = new Date(timestamp);
    this.attempts = attempts;
    this.body = body.base64 === undefined ? body.json : toArrayBuffer(body.base64);
    this.#operations = operations;
  }

  ack() {
    this.#operations.push(['ack', this.id]);
  }

  retry(options) {
    this.#operations.push(['retry', this.id, options ?? undefined]);
  }
}

/** The batch that `queue()` receives. `operations` are [name, message id or null, options]. */
export class QueueController {
  #operations = [];

  constructor({ queue, metadata, messages }) {
    this.queue = queue;
    this.metadata = metadata;
    this.messages = messages.map((message) => new QueueMessage(message, this.#operations));
  }

  ackAll() {
    this.#operations.push(['ackAll', null]);
  }

  retryAll(options) {
    this.#operations.push(['retryAll', null, options ?? undefined]);
  }

  /** Not a property: Python copies those. */
  recorded() {
    return this.#operations;
  }
}

/** What `scheduled()` receives. */
export class ScheduledController {
  #skipRetry = false;

  constructor({ cron, scheduledTime }) {
    this.cron = cron;
    this.scheduledTime = scheduledTime;
  }

  noRetry() {
    this.#skipRetry = true;
  }

  skipsRetry() {
    return this.#skipRetry;
  }
}

function toArrayBuffer(base64) {
  return Uint8Array.from(Buffer.from(base64, 'base64')).buffer;
}
