// Chat with the user's own endpoint, in OpenAI's format (platform.openai.com/docs/api-reference/chat).
import { ask, askForStream, usersEndpoint } from './endpoint.js';
import { Answer, withoutThoughts } from './thoughts.js';

const PATH = 'chat/completions';
const NO_FUNCTION = 'a tool call without a function';
// Inputs of Workers AI that OpenAI's format has under the same name.
const SAME = [
  'temperature', 'top_p', 'seed', 'stop', 'frequency_penalty', 'presence_penalty', 'tool_choice',
  'parallel_tool_calls',
];
// What some endpoints refuse to read, and how to do without.
const WITHOUT = {
  stream_options: ({ stream_options: _, ...rest }) => rest,
  max_tokens: ({ max_tokens: limit, ...rest }) => ({ ...rest, max_completion_tokens: limit }),
  temperature: ({ temperature: _, ...rest }) => rest,
};

/**
 * @typedef {{text: string, reasoning?: string, toolCalls?: object[], finish?: string,
 *   usage?: object}} Reply a model's answer. In a stream, each is what one piece adds, and
 *   `toolCalls` are pieces, too
 */

/**
 * @param {{inputs: object, limit: number}} asked the inputs of `run()`, and the tokens of the answer
 * @returns {Promise<Reply>}
 */
export async function complete(env, messages, asked) {
  const body = bodyOf(env, messages, asked);
  return adjusting({ ...body, stream: false }, (now) => ask(usersEndpoint(env), PATH, now, replyOf));
}

/**
 * The same piece by piece. It has the first piece when it returns, so that what is wrong from the
 * start is an error of the call and not of the stream.
 *
 * @param {{inputs: object, limit: number, withReasoning: boolean}} asked
 * @returns {Promise<AsyncGenerator<Reply>>}
 */
export async function completeInPieces(env, messages, asked) {
  const body = bodyOf(env, messages, asked);
  const streamed = { ...body, stream: true, stream_options: { include_usage: true } };
  const got = await adjusting(streamed, (now) => askForStream(usersEndpoint(env), PATH, now, replyOf));
  const pieces = got.events ? piecesOf(got, asked) : piecesOfWhole(got.answer);
  const first = await pieces.next();
  return (async function* () {
    try {
      yield first.value;
      yield* pieces;
    } finally {
      await pieces.return();
    }
  })();
}

/** An answer that came as a whole, a word each. */
export async function* piecesOfWhole({ text, reasoning, toolCalls, ...rest }) {
  if (reasoning) yield { text: '', reasoning };
  for (const word of text.match(/\s*\S+/g) ?? []) yield { text: word };
  if (toolCalls) yield { text: '', toolCalls: toolCalls.map((call, index) => ({ index, ...call })) };
  yield { text: '', ...rest };
}

function bodyOf(env, messages, { inputs, limit }) {
  const same = SAME.filter((name) => inputs[name] != null).map((name) => [name, inputs[name]]);
  const { tools, response_format: format } = inputs;
  return {
    model: env.AI_CHAT_MODEL,
    messages,
    max_tokens: limit,
    ...Object.fromEntries(same),
    ...(tools?.length > 0 && { tools: tools.map(toolOf) }),
    ...(format && { response_format: formatOf(format) }),
  };
}

/** Workers AI also takes the description of a function without anything around it. */
function toolOf(tool) {
  if (tool?.function || !tool?.name) return tool;
  const { name, description, parameters } = tool;
  return { type: 'function', function: { name, description, parameters } };
}

/** Workers AI takes a plain JSON Schema; OpenAI's format has it below a name. */
function formatOf({ type, json_schema: schema }) {
  if (type !== 'json_schema') return { type };
  return { type, json_schema: schema?.schema ? schema : { name: 'answer', schema } };
}

/** Call `send`, and again without what the endpoint says that it does not take. */
async function adjusting(body, send) {
  try {
    return await send(body);
  } catch (error) {
    const unknown = Object.keys(WITHOUT).find(
      (name) => name in body && new RegExp(`\\b${name}\\b`).test(error.note),
    );
    if (![400, 422].includes(error.status) || !unknown) throw error;
    return adjusting(WITHOUT[unknown](body), send);
  }
}

/** @returns {Reply} */
function replyOf({ choices, usage }) {
  const choice = Array.isArray(choices) ? choices[0] : undefined;
  if (choice === undefined) throw new Error('no choices');
  const { content, tool_calls: calls, ...message } = choice?.message ?? {};
  const text = withoutThoughts(textOf(content));
  const toolCalls = callsOf(calls);
  if (toolCalls?.some((call) => !call.function.name)) throw new Error(NO_FUNCTION);
  const finish = choice?.finish_reason ?? undefined;
  if (!text && !toolCalls) throw new Error(noText(finish));
  return { text, reasoning: reasoningOf(message), toolCalls, finish, usage: usage ?? undefined };
}

/** Tool calls, or pieces of them; some servers give the arguments as an object. */
function callsOf(calls) {
  if (calls == null || calls.length === 0) return undefined;
  if (!Array.isArray(calls) || !calls.every((call) => typeof call?.function === 'object' && call.function)) {
    throw new Error(NO_FUNCTION);
  }
  return calls.map((call) => {
    const { arguments: given } = call.function;
    if (given === null || typeof given !== 'object') return call;
    return { ...call, function: { ...call.function, arguments: JSON.stringify(given) } };
  });
}

/** @returns {AsyncGenerator<Reply>} */
async function* piecesOf({ events, wrong }, { withReasoning }) {
  const answer = new Answer();
  let finish;
  let usage;
  let isEmpty = true;
  const piece = (text, rest) => {
    if (text || rest.toolCalls) isEmpty = false;
    return { text, ...rest };
  };
  const checked = (read) => {
    try {
      return read();
    } catch (error) {
      throw wrong(error.message);
    }
  };
  for await (const event of events) {
    usage = event.usage ?? usage;
    const { delta, finish_reason: reason } = event.choices?.[0] ?? {};
    finish = reason ?? finish;
    const text = checked(() => answer.add(textOf(delta?.content)));
    const toolCalls = checked(() => callsOf(delta?.tool_calls));
    const reasoning = withReasoning ? reasoningOf(delta) : undefined;
    if (text || toolCalls || reasoning) yield piece(text, { toolCalls, reasoning });
  }
  const rest = answer.end();
  if (rest) yield piece(rest, {});
  if (isEmpty) throw wrong(noText(finish));
  yield piece('', { finish, usage });
}

function textOf(content) {
  if (Array.isArray(content)) {
    return content.map((part) => (part?.type === 'text' ? part.text : '')).join('');
  }
  return typeof content === 'string' ? content : '';
}

/** Servers have two names for it. */
function reasoningOf(message) {
  const said = message?.reasoning_content ?? message?.reasoning;
  return typeof said === 'string' && said ? said : undefined;
}

function noText(finish) {
  if (finish === 'length') {
    return 'no text: thinking took all of its tokens. Choose a model that does not think';
  }
  return `no text (finish_reason: ${finish ?? 'none'})`;
}
