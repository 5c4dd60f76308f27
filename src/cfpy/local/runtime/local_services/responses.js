// OpenAI's Responses format, which Workers AI takes for gpt-oss: `input` and `instructions` instead of
// `messages` (developers.cloudflare.com/workers-ai/models/gpt-oss-120b).
import { aiError } from './models.js';

/** The chat messages that mean the same as a request in this format. */
export function asMessages({ input, instructions }) {
  const before = typeof instructions === 'string' ? [{ role: 'system', content: instructions }] : [];
  if (typeof input === 'string' && input.length > 0) return [...before, { role: 'user', content: input }];
  if (Array.isArray(input) && input.length > 0) {
    const items = input.map((item) => ({ role: item?.role, content: textOf(item?.content) }));
    const isMessage = ({ role, content }) => typeof role === 'string' && typeof content === 'string';
    if (items.every(isMessage)) return [...before, ...items];
  }
  throw aiError(5006, "Error: Type mismatch of '/input', non-empty 'string' or 'array' expected");
}

/** A message's content as one string: it may be a list of parts. Undefined if a part has no text. */
export function textOf(content) {
  if (!Array.isArray(content)) return content;
  const texts = content.map((part) => part?.text);
  return texts.every((text) => typeof text === 'string') ? texts.join('\n') : undefined;
}

/** An answer in this format. */
export function fromReply(reply, { instructions = null }) {
  const text = { type: 'output_text', text: reply, annotations: [], logprobs: null };
  const message = { id: 'msg_cfpy-local', type: 'message', role: 'assistant', status: 'completed' };
  return {
    id: 'resp_cfpy-local',
    object: 'response',
    status: 'completed',
    instructions,
    output: [
      { id: 'rs_cfpy-local', type: 'reasoning', summary: [], content: [] },
      { ...message, content: [text] },
    ],
  };
}

/** The events of a streamed answer, as JSON. */
export function eventsOf(words) {
  const deltas = words.map((delta) => ({ type: 'response.output_text.delta', delta }));
  const response = fromReply(words.join(''), {});
  const events = [{ type: 'response.created' }, ...deltas, { type: 'response.completed', response }];
  return events.map((event) => JSON.stringify(event));
}
