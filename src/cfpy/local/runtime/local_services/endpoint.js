// Sends requests to an OpenAI-compatible endpoint, and validates its answers.
//
// Errors are thrown as the matching error of Workers AI, followed by the endpoint's own words.
// Codes: developers.cloudflare.com/workers-ai/platform/errors, and 3043 ("Internal server error"),
// which is the error of Workers AI if a model fails.
import { aiError } from './models.js';

const EXCERPT = 200;
const SECONDS = 50; // below the minute after which many clients give up
const MODEL_UNKNOWN = /model.{0,80}(not found|not exist|unknown|not loaded)|(no such|unknown|invalid) model/i;

/** The endpoint at `CFPY_AI_BASE_URL`. */
export function usersEndpoint(env) {
  return { base: env.AI_BASE_URL, key: env.AI_API_KEY, timeout: env.AI_TIMEOUT };
}

/**
 * `POST {base}/{path}`.
 *
 * @param {{base: string, key?: string, timeout?: string}} endpoint `timeout` in seconds
 * @param {{model: string}} body
 * @param {(answer: object) => T} read takes what is wanted from the answer, and throws what is
 *   wrong with it, in words that go on from "it answered with"
 * @returns {Promise<T>}
 * @template T
 */
export async function ask({ base, key, timeout }, path, body, read) {
  const url = `${base.replace(/\/+$/, '')}/${path}`;
  const seconds = Number(timeout) || SECONDS;
  let response;
  let text;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key || 'none'}` },
      body: JSON.stringify(body),
      redirect: 'manual', // A redirect would send the key to another address.
      signal: AbortSignal.timeout(seconds * 1000),
    });
    text = await response.text();
  } catch (error) {
    if (['TimeoutError', 'AbortError'].includes(error.name)) {
      const note = `${url} gave no whole answer within ${seconds} s; CFPY_AI_TIMEOUT gives it more`;
      throw failure(3007, 'Request timeout', note);
    }
    const broke = response === undefined ? "can't be reached" : 'broke off its answer';
    throw failure(3043, 'Internal server error', `${url} ${broke}: ${error.message}`);
  }
  const { ok, status, headers } = response;
  const answer = parsed(text);
  if (!ok || answer?.error) {
    const location = headers.get('location');
    const said = location ? `go to ${location} (set CFPY_AI_BASE_URL)` : quoted(answer, text);
    throw refusal(status, body.model, said, `${url} answered ${status}: ${said}`);
  }
  if (answer === undefined) {
    const kind = headers.get('content-type') ?? 'no content type';
    const said = `${url} answered with ${kind}, which is not JSON: ${excerpt(text)}`;
    throw failure(3043, 'Internal server error', said);
  }
  try {
    return read(answer ?? {});
  } catch (error) {
    throw failure(3043, 'Internal server error', `${url} answered with ${error.message}`);
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

/** An error of Workers AI. `note` is for the user of `cfpy dev`. */
export function failure(code, words, note) {
  return Object.assign(aiError(code, `${words} (${note})`), { note });
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
