// Workers AI's `run()`: validates like the real one, then embeds, reranks or chats.
import { embed, relevance } from './embedding.js';
import { aiError, missing } from './errors.js';
import { find } from './models.js';
import { generate } from './text_generation.js';

const MAX_TEXTS = 100; // the BGE models' own limit
const HANDLERS = { embedding: runEmbedding, reranker: runReranker, chat: generate };
// Options and inputs that ask for another kind of answer, and what that is.
const OTHER_ANSWERS = [
  ['returnRawResponse', 'raw responses'],
  ['websocket', 'WebSockets'],
  ['queueRequest', 'the batch API'],
];

/**
 * @returns {Promise<object | AsyncGenerator<string>>} in the shape of the model's family; for a
 *   streamed answer, the data of its events
 */
export async function run(env, name, inputs, options) {
  const model = find(name);
  if (inputs === null || typeof inputs !== 'object' || Array.isArray(inputs)) {
    throw aiError(5006, "Error: Type mismatch of '/', 'object' expected");
  }
  for (const [option, what] of OTHER_ANSWERS) {
    if (options?.[option]) throw missing(`${name} with ${option}`, what);
  }
  if (inputs.requests !== undefined) throw missing(`${name} with requests`, 'the batch API');
  if (inputs.lora !== undefined) throw missing(`${name} with lora`, 'fine-tuned models');
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
  if (!Array.isArray(contexts) || !contexts.every((item) => typeof item?.text === 'string')) {
    throw aiError(5006, "Error: required properties at '/contexts' are 'text'");
  }
  if (contexts.length === 0) return { response: [] };
  const scores = await relevance(env, query, contexts.map(({ text }) => text));
  const response = scores.map((score, id) => ({ id, score }));
  response.sort((a, b) => b.score - a.score || a.id - b.id);
  return { response: response.slice(0, topK ?? response.length) };
}
