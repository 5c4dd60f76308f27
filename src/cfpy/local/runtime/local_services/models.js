// The models of the stand-in: their kind, and the details of their answers.
// Checked on 2026-11-26 against Cloudflare's model pages and changelog.
import { aiError, failure, missing } from './errors.js';

const LLAMA = { kind: 'chat', shape: 'response', limit: 'max_tokens', defaultTokens: 256 };
const OPENAI = { kind: 'chat', shape: 'choices', limit: 'max_completion_tokens', defaultTokens: 2048 };
// These also take the Responses format: see messages.js.
const GPT_OSS = { ...OPENAI, responses: true };

const MODELS = {
  // `tokens` is the number of tokens that the model reads; the rest is not embedded.
  '@cf/baai/bge-small-en-v1.5': { kind: 'embedding', dimensions: 384, tokens: 512 },
  '@cf/baai/bge-base-en-v1.5': { kind: 'embedding', dimensions: 768, tokens: 512 },
  '@cf/baai/bge-large-en-v1.5': { kind: 'embedding', dimensions: 1024, tokens: 512 },
  '@cf/baai/bge-m3': { kind: 'embedding', dimensions: 1024, tokens: 8192 },
  '@cf/google/embeddinggemma-300m': { kind: 'embedding', dimensions: 768, tokens: 2048 },
  '@cf/qwen/qwen3-embedding-0.6b': { kind: 'embedding', dimensions: 1024, tokens: 8192 },
  '@cf/baai/bge-reranker-base': { kind: 'reranker' },
  '@cf/google/gemma-4-26b-a4b-it': OPENAI,
  '@cf/zai-org/glm-4.7-flash': OPENAI,
  '@cf/zai-org/glm-5.2': OPENAI,
  '@cf/zai-org/glm-5.3': OPENAI,
  '@cf/zai-org/glm-5.3-flash': OPENAI,
  '@cf/moonshotai/kimi-k2.5': OPENAI,
  '@cf/moonshotai/kimi-k2.6': OPENAI,
  '@cf/moonshotai/kimi-k2.7-code': OPENAI,
  '@cf/deepseek-ai/deepseek-v4-flash-0731': OPENAI,
  '@cf/deepseek-ai/deepseek-v4-pro-0813': OPENAI,
  '@cf/nvidia/nemotron-3-120b-a12b': OPENAI,
  '@cf/qwen/qwen3.8-27b': OPENAI,
  '@cf/qwen/qwen3-30b-a3b-fp8': OPENAI,
  '@cf/ibm-granite/granite-4.0-h-micro': OPENAI,
  '@cf/aisingapore/gemma-sea-lion-v4-27b-it': OPENAI,
  '@cf/openai/gpt-oss-20b': GPT_OSS,
  '@cf/openai/gpt-oss-120b': GPT_OSS,
  '@cf/meta/llama-3.1-8b-instruct-fp8': LLAMA,
  '@cf/meta/llama-3.1-8b-instruct-fast': LLAMA,
  '@cf/meta/llama-3.1-8b-instruct-fp8-fast': LLAMA,
  '@cf/meta/llama-3.1-70b-instruct-fp8-fast': LLAMA,
  '@cf/meta/llama-3.2-1b-instruct': LLAMA,
  '@cf/meta/llama-3.2-3b-instruct': LLAMA,
  '@cf/meta/llama-3.3-70b-instruct-fp8-fast': LLAMA,
  '@cf/meta/llama-4-scout-17b-16e-instruct': LLAMA,
  '@cf/mistralai/mistral-small-3.1-24b-instruct': LLAMA,
  '@cf/deepseek-ai/deepseek-r1-distill-qwen-32b': LLAMA,
  '@cf/qwen/qwq-32b': LLAMA,
  '@cf/qwen/qwen2.5-coder-32b-instruct': LLAMA,
};

// Tasks without a stand-in, by what a model's name contains, the first that fits:
// developers.cloudflare.com/workers-ai/models.
const OTHER_TASKS = [
  [/deepgram\/flux|whisper|nova-\d|smart-turn/, 'speech recognition'],
  [/flux|stable-diffusion|dreamshaper|phoenix|lucid/, 'text to image'],
  [/aura-|melotts/, 'text to speech'],
  [/m2m100|indictrans/, 'translation'],
  [/distilbert/, 'text classification'],
  [/\/clef/, 'decisions'],
  [/resnet-50$/, 'image classification or object detection'],
  [/llava|uform|moondream|vision/, 'image to text'],
  [/llama-?guard/, 'moderation'],
  [/-lora$/, 'fine-tuned models'],
];

// Cloudflare changelog of 2026-05-08: removed on this day.
const RETIRED_ON = '2026-05-30';
const RETIRED = new Set([
  '@hf/meta-llama/meta-llama-3-8b-instruct',
  '@cf/meta/llama-3-8b-instruct',
  '@cf/meta/llama-3-8b-instruct-awq',
  '@cf/meta/llama-3.1-8b-instruct',
  '@cf/meta/llama-3.1-8b-instruct-awq',
  '@cf/meta/llama-3.1-70b-instruct',
  '@cf/meta/llama-2-7b-chat-int8',
  '@cf/meta/llama-2-7b-chat-fp16',
  '@cf/mistral/mistral-7b-instruct-v0.1',
  '@hf/mistral/mistral-7b-instruct-v0.2',
  '@hf/google/gemma-7b-it',
  '@cf/google/gemma-3-12b-it',
  '@hf/nousresearch/hermes-2-pro-mistral-7b',
  '@cf/microsoft/phi-2',
  '@cf/defog/sqlcoder-7b-2',
  '@cf/unum/uform-gen2-qwen-500m',
  '@cf/facebook/bart-large-cnn',
]);

// The methods of the binding without a stand-in, and what they are for.
export const OTHER_METHODS = {
  gateway: 'AI Gateway',
  autorag: 'AI Search',
  aiSearch: 'AI Search',
  websearch: 'searches of the web',
};

export const NO_GATEWAY =
  'cfpy dev has no AI Gateway: this call does without (no cache, no limits, no log of it)';

// The names of tasks in the catalog of Workers AI.
const TASKS = {
  embedding: 'Text Embeddings',
  reranker: 'Text Classification',
  chat: 'Text Generation',
};

/** Find a model, or fail like Workers AI. */
export function find(name) {
  if (RETIRED.has(name)) throw aiError(5028, `Model ${name} was deprecated on ${RETIRED_ON}`);
  if (typeof name !== 'string' || !Object.hasOwn(MODELS, name)) throw unknown(name);
  return { name, ...MODELS[name] };
}

/** The error for a model that the stand-in does not have, with what to do about it. */
function unknown(name) {
  if (/^[a-z][\w.-]*\/[\w.-]+$/i.test(name)) return missing(name, 'models of other providers');
  const [, task] = OTHER_TASKS.find(([words]) => words.test(name)) ?? [];
  if (task) return missing(name, task);
  const note =
    `cfpy dev has no stand-in for ${name}. Check its name, deploy the Worker to use it, or use ` +
    `one of ${Object.keys(MODELS).join(', ')}`;
  return failure(5007, `No such model ${name} or task`, note);
}

/** Names of the models whose embeddings have this many dimensions. */
export function embeddingModels(dimensions) {
  return Object.keys(MODELS).filter((name) => MODELS[name].dimensions === dimensions);
}

/** What `models()` gives: the models that work here, in the form of the real catalog. */
export function catalog({ search = '', task = '' } = {}) {
  return Object.entries(MODELS)
    .map(([name, { kind }]) => ({
      id: name,
      source: 1,
      name,
      description: '',
      task: { id: kind, name: TASKS[kind], description: '' },
      tags: [],
      properties: [],
    }))
    .filter((model) => model.name.includes(search) && (!task || model.task.name === task));
}
