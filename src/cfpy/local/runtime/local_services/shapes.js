// The answers of each family of chat models, whole and in pieces
// (the schemas of developers.cloudflare.com/workers-ai/models; llama-3.3, qwen3 and gpt-oss).
import { failure } from './errors.js';

const END = '[DONE]';
const MESSAGE = { id: 'msg_cfpy-local', type: 'message', role: 'assistant', status: 'completed' };

/** By the shape of a model: the answer from a whole reply. */
export const wholeOf = {
  response(reply, given) {
    return {
      response: given.inputs.response_format ? jsonOf(reply, given) : reply.text || null,
      tool_calls: calledTools(reply.toolCalls),
      usage: usageOf(reply, given),
    };
  },

  choices(reply, given) {
    const message = { role: 'assistant', content: reply.text || null };
    if (reply.reasoning) message.reasoning_content = reply.reasoning;
    if (reply.toolCalls) message.tool_calls = reply.toolCalls;
    const finish = reply.finish ?? 'stop';
    return {
      ...headOf(given, 'chat.completion'),
      choices: [{ index: 0, message, finish_reason: finish, logprobs: null }],
      usage: usageOf(reply, given),
    };
  },

  responses(reply, given) {
    const { prompt_tokens: input, completion_tokens: output, ...usage } = usageOf(reply, given);
    const thoughts = reply.reasoning ? [{ type: 'reasoning_text', text: reply.reasoning }] : [];
    const content = [{ type: 'output_text', text: reply.text, annotations: [], logprobs: null }];
    return {
      id: 'resp_cfpy-local',
      object: 'response',
      created_at: now(),
      model: given.model.name,
      status: 'completed',
      instructions: given.inputs.instructions ?? null,
      output: [
        { id: 'rs_cfpy-local', type: 'reasoning', summary: [], content: thoughts },
        ...(reply.text ? [{ ...MESSAGE, content }] : []),
        ...(reply.toolCalls ?? []).map(functionCall),
      ],
      usage: { input_tokens: input, output_tokens: output, total_tokens: usage.total_tokens },
    };
  },
};

/** By the shape of a model: the events of a streamed answer, as JSON. */
export const framesOf = {
  async *response(pieces, given) {
    const calls = new ToolCalls();
    const reply = yield* each(pieces, function* ({ text, toolCalls }) {
      calls.add(toolCalls);
      if (text) yield { response: text, tool_calls: [] };
    });
    const called = calledTools(calls.whole());
    if (called.length > 0) yield JSON.stringify({ response: '', tool_calls: called });
    yield JSON.stringify({ response: '', usage: usageOf(reply, given) });
    yield END;
  },

  async *choices(pieces, given) {
    const head = headOf(given, 'chat.completion.chunk');
    const chunk = (delta, finish = null) => ({
      ...head,
      choices: [{ index: 0, delta, finish_reason: finish }],
    });
    yield JSON.stringify(chunk({ role: 'assistant', content: '' }));
    const reply = yield* each(pieces, function* ({ text, reasoning, toolCalls }) {
      if (reasoning) yield chunk({ reasoning_content: reasoning });
      if (text) yield chunk({ content: text });
      if (toolCalls) yield chunk({ tool_calls: toolCalls });
    });
    yield JSON.stringify(chunk({ content: '' }, reply.finish ?? 'stop'));
    // All families end with this one.
    yield JSON.stringify({ response: '', usage: usageOf(reply, given) });
    yield END;
  },

  async *responses(pieces, given) {
    const calls = new ToolCalls();
    yield JSON.stringify({ type: 'response.created' });
    const reply = yield* each(pieces, function* ({ text, reasoning, toolCalls }) {
      calls.add(toolCalls);
      if (reasoning) yield { type: 'response.reasoning_text.delta', delta: reasoning };
      if (text) yield { type: 'response.output_text.delta', delta: text };
    });
    const response = wholeOf.responses({ ...reply, toolCalls: calls.whole() }, given);
    yield JSON.stringify({ type: 'response.completed', response });
  },
};

/** Give the events that `show` makes of each piece, as JSON; return the pieces as one reply. */
async function* each(pieces, show) {
  const reply = { text: '', reasoning: '' };
  for await (const piece of pieces) {
    for (const event of show(piece)) yield JSON.stringify(event);
    const { text, reasoning = '', finish = reply.finish, usage = reply.usage } = piece;
    Object.assign(reply, { finish, usage });
    reply.text += text;
    reply.reasoning += reasoning;
  }
  return reply;
}

/** Tool calls that arrive in pieces: the arguments of one are spread over many. */
class ToolCalls {
  #calls = [];

  add(pieces = []) {
    for (const { index = this.#calls.length, id, function: part } of pieces) {
      const call = (this.#calls[index] ??= { type: 'function', function: { name: '', arguments: '' } });
      if (id) call.id = id;
      call.function.name += part?.name ?? '';
      call.function.arguments += part?.arguments ?? '';
    }
  }

  whole() {
    return this.#calls.filter(Boolean);
  }
}

/** Llama models give the arguments as an object, and no ids. */
function calledTools(calls = []) {
  return calls.map(({ function: { name, arguments: text } }) => ({ arguments: valueOf(text), name }));
}

function functionCall({ id, function: { name, arguments: text } }) {
  return { id: `fc_${id}`, type: 'function_call', call_id: id, name, arguments: text, status: 'completed' };
}

function valueOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** In JSON mode, Llama models give a value. */
function jsonOf({ text, toolCalls }, { inputs }) {
  if (inputs.response_format.type === 'text' || (!text && toolCalls)) return text || null;
  const value = valueOf(text);
  if (value !== null && typeof value === 'object') return value;
  throw failure(5024, "JSON Mode couldn't be met", 'the endpoint of CFPY_AI_BASE_URL gave no JSON');
}

function headOf({ model }, object) {
  return { id: 'chatcmpl-cfpy-local', object, created: now(), model: model.name };
}

const now = () => Math.floor(Date.now() / 1000);

/** The tokens that the endpoint counted; otherwise estimated, four characters each. */
function usageOf({ usage, text, reasoning = '' }, { messages }) {
  if (usage) return usage;
  const asked = messages.reduce((sum, { content }) => sum + content.length, 0);
  const prompt = Math.ceil(asked / 4);
  const completion = Math.ceil((text.length + reasoning.length) / 4);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}
