// Workers AI's `run()`: validates like the real one, then embeds, reranks or chats.
import { answer } from './chat.js';
import { embed, relevance } from './embedding.js';
import { aiError, find } from './models.js';
import { asMessages, eventsOf, fromReply, textOf } from './responses.js';

const MAX_TEXTS = 100; // the BGE models' own limit
const HANDLERS = { embedding: runEmbedding, reranker: runReranker, chat: runChat };

/** @returns {Promise<object | ReadableStream>} in the shape of the model's family */
export async function run(env, name, inputs, options = {}) {
  const model = find(name);
  if (inputs === null || typeof inputs !== 'object' || Array.isArray(inputs)) {
    throw aiError(5006, "Error: Type mismatch of '/', 'object' expected");
  }
  if (options?.returnRawResponse) throw aiError(5006, 'cfpy-local: no returnRawResponse');
  return HANDLERS[model.kind](env, model, inputs);
}

async function runEmbedding(env, model, { text, pooling = 'mean' }) {
  if (text === undefined) throw aiError(5006, "Error: required properties at '/' are 'text'");
  const texts = [text].flat();
  if (!texts.every((item) => typeof item === 'string' && item.length > 0)) {
    throw aiError(5006, "Error: Type mismatch of '/text', non-empty 'string' expected");
  }
  if (texts.length === 0 || texts.length > MAX_TEXTS) {
    throw aiError(5006, `Error: Length of '/text' must be 1 to ${MAX_TEXTS}, got ${texts.length}`);
  }
  if (!['mean', 'cls'].includes(pooling)) {
    throw aiError(5006, "Error: '/pooling' must be one of 'mean', 'cls'");
  }
  const data = await embed(env, texts, model);
  return { shape: [data.length, model.dimensions], data, pooling };
}

/** Scores lie in 0..1 like the real ones, which are sigmoids of a logit. */
async function runReranker(env, _model, { query, contexts, top_k: topK }) {
  if (typeof query !== 'string' || query.length === 0) {
    throw aiError(5006, "Error: required properties at '/' are 'query', 'contexts'");
  }
  if (!Array.isArray(contexts) || !contexts.every(({ text }) => typeof text === 'string')) {
    throw aiError(5006, "Error: required properties at '/contexts' are 'text'");
  }
  if (contexts.length === 0) return { response: [] };
  const scores = await relevance(env, query, contexts.map(({ text }) => text));
  const response = scores.map((score, id) => ({ id, score }));
  response.sort((a, b) => b.score - a.score || a.id - b.id);
  return { response: response.slice(0, topK ?? response.length) };
}

async function runChat(env, model, inputs) {
  const isResponses = model.responses && inputs.input !== undefined;
  const messages = isResponses ? asMessages(inputs) : toMessages(inputs);
  for (const unsupported of ['tools', 'response_format']) {
    if (inputs[unsupported] !== undefined) {
      throw aiError(5006, `cfpy-local: '${unsupported}' needs a real model: set CFPY_AI_BASE_URL`);
    }
  }
  const limit = inputs[model.limit] ?? inputs.max_tokens ?? model.defaultTokens;
  const reply = await answer(env, messages, inputs, limit);
  if (isResponses) return inputs.stream ? stream(eventsOf(words(reply))) : fromReply(reply, inputs);
  if (inputs.stream) return eventStream(reply, model);
  const usage = countTokens(messages, reply);
  if (model.shape === 'response') return { response: reply, usage };
  const message = { role: 'assistant', content: reply };
  return {
    id: 'cfpy-local',
    object: 'chat.completion',
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage,
  };
}

function toMessages({ messages, prompt }) {
  if (typeof prompt === 'string' && prompt.length > 0) return [{ role: 'user', content: prompt }];
  if (Array.isArray(messages) && messages.length > 0) {
    const read = messages.map((message) => ({ role: message?.role, content: textOf(message?.content) }));
    const isValid = ({ role, content }) => typeof role === 'string' && typeof content === 'string';
    if (read.every(isValid)) return read;
  }
  throw aiError(5006, "Error: oneOf at '/' not met: required properties are 'prompt' or 'messages'");
}

/** Server-sent events in the frames of the model's family, a word each. */
function eventStream(reply, { shape }) {
  const frames = words(reply).map((content) =>
    shape === 'response' ? { response: content } : { choices: [{ index: 0, delta: { content } }] },
  );
  return stream([...frames.map((frame) => JSON.stringify(frame)), '[DONE]']);
}

function words(reply) {
  return reply.match(/\s*\S+/g) ?? [];
}

function stream(lines) {
  const encoder = new TextEncoder();
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      // Real tokens take time: the delay shows how a page displays them.
      await new Promise((resolve) => setTimeout(resolve, 5));
      controller.enqueue(encoder.encode(`data: ${lines.shift()}\n\n`));
      if (lines.length === 0) controller.close();
    },
  });
}

function countTokens(messages, reply) {
  const prompt = Math.ceil(messages.reduce((sum, { content }) => sum + content.length, 0) / 4);
  const completion = Math.ceil(reply.length / 4);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}
