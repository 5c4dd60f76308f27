// What a chat model is asked, in OpenAI's chat format: from `prompt`, from `messages`, or from
// OpenAI's Responses format, which Workers AI takes for gpt-oss: `input` and `instructions`
// (developers.cloudflare.com/workers-ai/models/gpt-oss-120b).
import { aiError } from './errors.js';

// Of a message: strict endpoints refuse any other.
const MEMBERS = ['role', 'name', 'tool_calls', 'tool_call_id'];

/**
 * The messages of `prompt` or `messages`. Their content is one string, or a list of parts if some
 * are not text.
 */
export function readMessages({ messages, prompt }) {
  if (typeof prompt === 'string' && prompt.length > 0) return [{ role: 'user', content: prompt }];
  if (Array.isArray(messages) && messages.length > 0) {
    const read = messages.map((message) => ({ ...only(MEMBERS, message), content: contentOf(message) }));
    if (read.every(isMessage)) return withCallIds(read);
  }
  throw aiError(5006, "Error: oneOf at '/' not met: required properties are 'prompt' or 'messages'");
}

/** The messages that mean the same as a request in the Responses format. */
export function asMessages({ input, instructions }) {
  const before = typeof instructions === 'string' ? [{ role: 'system', content: instructions }] : [];
  if (typeof input === 'string' && input.length > 0) return [...before, { role: 'user', content: input }];
  if (Array.isArray(input) && input.length > 0) {
    const items = input.filter((item) => item?.type !== 'reasoning').map(asMessage);
    if (items.every(isMessage)) return [...before, ...items];
  }
  throw aiError(5006, "Error: Type mismatch of '/input', non-empty 'string' or 'array' expected");
}

function only(names, object) {
  return Object.fromEntries(names.filter((name) => object?.[name] != null).map((name) => [name, object[name]]));
}

function asMessage(item) {
  const { type, call_id: id, name, arguments: given, output, role } = item ?? {};
  if (type === 'function_call') {
    const call = { id, type: 'function', function: { name, arguments: given } };
    return { role: 'assistant', content: '', tool_calls: [call] };
  }
  if (type === 'function_call_output') return { role: 'tool', tool_call_id: id, content: output };
  return { role, content: contentOf(item) };
}

function isMessage({ role, content }) {
  return typeof role === 'string' && (typeof content === 'string' || Array.isArray(content));
}

/** The content of a message; undefined if it has none. One that calls tools may have none. */
function contentOf(message) {
  const { content, tool_calls: calls } = message ?? {};
  if (content == null && calls?.length > 0) return '';
  if (!Array.isArray(content)) return content;
  if (!content.every((part) => part !== null && typeof part === 'object')) return undefined;
  const texts = content.map(({ text }) => text);
  return texts.every((text) => typeof text === 'string') ? texts.join('\n') : content;
}

/**
 * Llama models call tools by name, without the ids that OpenAI's format wants in the next request:
 * the results of tools come in the order of the calls.
 */
function withCallIds(messages) {
  const open = [];
  return messages.map((message, i) => {
    if (message.role === 'tool') return { ...message, tool_call_id: message.tool_call_id ?? open.shift() };
    if (!Array.isArray(message.tool_calls)) return message;
    const calls = message.tool_calls.map((call, j) => asToolCall(call, `call_${i}_${j}`));
    open.push(...calls.map(({ id }) => id));
    return { ...message, tool_calls: calls };
  });
}

function asToolCall(call, id) {
  if (call?.function) return { id, ...call };
  const { name, arguments: given = {} } = call ?? {};
  const text = typeof given === 'string' ? given : JSON.stringify(given);
  return { id, type: 'function', function: { name, arguments: text } };
}
