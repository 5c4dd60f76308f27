// Sends requests to an OpenAI-compatible endpoint, and validates its answers.
//
// Errors are thrown as the matching error of Workers AI, followed by the endpoint's own words.
// Codes: developers.cloudflare.com/workers-ai/platform/errors, and 3043 ("Internal server error"),
// which is the error of Workers AI if a model fails.
import { failure } from './errors.js';
import { dataOf } from './events.js';

const EXCERPT = 200;
const SECONDS = 50; // below the minute after which many clients give up
const MODEL_UNKNOWN = /model.{0,80}(not found|not exist|unknown|not loaded)|(no such|unknown|invalid) model/i;
const END = '[DONE]';

/** The endpoint at `CFPY_AI_BASE_URL`. */
export function usersEndpoint(env) {
  return { base: env.AI_BASE_URL, key: env.CFPY_AI_API_KEY, timeout: env.AI_TIMEOUT };
}

/**
 * `POST {base}/{path}`, for one answer in JSON.
 *
 * @param {{base: string, key?: string, timeout?: string, name?: string}} endpoint `timeout` in
 *   seconds; `name` replaces the address in messages
 * @param {{model: string}} body
 * @param {(answer: object) => T} read takes what is wanted from the answer, and throws what is
 *   wrong with it, in words that go on from "it answered with"
 * @returns {Promise<T>}
 * @template T
 */
export async function ask(endpoint, path, body, read) {
  const call = await Call.start(endpoint, path, body);
  return call.whole(read);
}

/**
 * `POST {base}/{path}`, for an event stream. An endpoint that does not stream answers with JSON.
 *
 * @returns {Promise<{answer: T} | {events: AsyncGenerator<object>, wrong: (what: string) => Error}>}
 *   `events` fails where the answer breaks off; `wrong` is the error about what is in them, in words
 *   as those of `read`
 * @template T
 */
export async function askForStream(endpoint, path, body, read) {
  const call = await Call.start(endpoint, path, body);
  const kind = call.response.headers.get('content-type') ?? '';
  if (call.response.ok && kind.startsWith('text/event-stream')) {
    return { events: call.events(), wrong: (what) => call.wrong(what) };
  }
  return { answer: await call.whole(read) };
}

/** One request. It is given up if no answer, or no next event of it, arrives for too long. */
class Call {
  #shown;
  #seconds;
  #model;
  #control = new AbortController();
  #timer;

  static async start(endpoint, path, body) {
    const call = new Call();
    const url = `${endpoint.base.replace(/\/+$/, '')}/${path}`;
    call.#shown = endpoint.name ?? url;
    call.#seconds = Number(endpoint.timeout) || SECONDS;
    call.#model = body.model;
    call.#wait();
    try {
      call.response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${endpoint.key || 'none'}` },
        body: JSON.stringify(body),
        redirect: 'manual', // A redirect would send the key to another address.
        signal: call.#control.signal,
      });
    } catch (error) {
      throw call.#lost(error, "can't be reached", 'no whole answer');
    }
    return call;
  }

  async whole(read) {
    let text;
    try {
      text = await this.response.text();
    } catch (error) {
      throw this.#lost(error, 'broke off its answer', 'no whole answer');
    } finally {
      clearTimeout(this.#timer);
    }
    const { ok, status, headers } = this.response;
    const answer = parsed(text);
    if (!ok || answer?.error) throw this.#refusal(status, answer, text);
    if (answer === undefined) {
      const kind = headers.get('content-type') ?? 'no content type';
      throw this.wrong(`${kind}, which is not JSON: ${excerpt(text)}`);
    }
    try {
      return read(answer ?? {});
    } catch (error) {
      throw this.wrong(error.message);
    }
  }

  async *events() {
    try {
      for await (const data of dataOf(this.#pieces())) {
        // How long the reader takes does not count. Comments do not, either: some endpoints send
        // them for as long as a model gives nothing.
        clearTimeout(this.#timer);
        if (data.trim() === END) return;
        const event = parsed(data);
        if (event === null || typeof event !== 'object') {
          throw this.wrong(`an event that is not JSON: ${excerpt(data)}`);
        }
        if (event.error) throw this.#refusal(this.response.status, event, data);
        yield event;
        this.#wait();
      }
      throw this.#lost(new Error(`the stream has no ${END}`), 'broke off its answer');
    } finally {
      clearTimeout(this.#timer);
      this.#control.abort();
    }
  }

  /** An error about what the endpoint answered with. */
  wrong(what) {
    return failure(3043, 'Internal server error', `${this.#shown} answered with ${what}`);
  }

  async *#pieces() {
    try {
      yield* this.response.body;
    } catch (error) {
      throw this.#lost(error, 'broke off its answer', 'no more of its answer');
    }
  }

  #wait() {
    clearTimeout(this.#timer);
    const late = () => this.#control.abort(new DOMException('', 'TimeoutError'));
    this.#timer = setTimeout(late, this.#seconds * 1000);
  }

  #lost(error, what, missing) {
    clearTimeout(this.#timer);
    if (['TimeoutError', 'AbortError'].includes(error.name)) {
      const note = `${this.#shown} gave ${missing} within ${this.#seconds} s; CFPY_AI_TIMEOUT gives it more`;
      return failure(3007, 'Request timeout', note);
    }
    return failure(3043, 'Internal server error', `${this.#shown} ${what}: ${error.message}`);
  }

  #refusal(status, answer, text) {
    const location = this.response.headers.get('location');
    const said = location ? `go to ${location} (set CFPY_AI_BASE_URL)` : quoted(answer, text);
    const again = this.response.headers.get('retry-after');
    const wait = again ? ` (retry-after: ${excerpt(again)})` : '';
    return refusal(status, this.#model, said, `${this.#shown} answered ${status}: ${said}${wait}`);
  }
}

/** The error of Workers AI with the meaning of the endpoint's status. */
function refusal(status, model, said, note) {
  const unknown = status < 500 && MODEL_UNKNOWN.test(said);
  if (unknown || status === 404) {
    const hint = unknown ? '' : '. Is CFPY_AI_BASE_URL right? Most such addresses end in /v1';
    return failure(5007, `No such model ${model} or task`, note + hint);
  }
  const [code, words] = {
    401: [3023, 'Service unavailable for account'],
    402: [3036, 'You have used up your allocation'],
    403: [3023, 'Service unavailable for account'],
    408: [3007, 'Request timeout'],
    413: [3006, 'Request is too large'],
    429: [3040, 'Capacity temporarily exceeded, please try again.'],
    504: [3007, 'Request timeout'],
  }[status] ?? [3043, 'Internal server error'];
  return Object.assign(failure(code, words, note), { status });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * An endpoint's error message: in OpenAI's or FastAPI's format, or the beginning of any other text.
 */
function quoted(answer, text) {
  const { error, detail, message } = answer ?? {};
  const said = [error?.message, error, detail, message].find((item) => typeof item === 'string');
  return excerpt(said ?? text);
}

function excerpt(text) {
  const line = text.replace(/[\s\p{C}]+/gu, ' ').trim();
  return Array.from(line).slice(0, EXCERPT).join('') || 'nothing';
}
