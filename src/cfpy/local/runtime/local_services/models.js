// The models of the stand-in: their kind, and the details of their answers.
// Checked on 2026-11-23 against Cloudflare's model pages and changelog.

const LLAMA = { kind: 'chat', shape: 'response', limit: 'max_tokens', defaultTokens: 256 };
const OPENAI = { kind: 'chat', shape: 'choices', limit: 'max_completion_tokens', defaultTokens: 2048 };
// These also take the Responses format: see responses.js.
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
  '@cf/openai/gpt-oss-20b': GPT_OSS,
  '@cf/openai/gpt-oss-120b': GPT_OSS,
  '@cf/meta/llama-3.1-8b-instruct-fp8': LLAMA,
  '@cf/meta/llama-3.1-8b-instruct-fast': LLAMA,
  '@cf/meta/llama-3.2-1b-instruct': LLAMA,
  '@cf/meta/llama-3.2-3b-instruct': LLAMA,
  '@cf/meta/llama-3.3-70b-instruct-fp8-fast': LLAMA,
  '@cf/meta/llama-4-scout-17b-16e-instruct': LLAMA,
  '@cf/mistralai/mistral-small-3.1-24b-instruct': LLAMA,
  '@cf/qwen/qwen3-30b-a3b-fp8': OPENAI,
};

// Tasks without a stand-in, by what the last part of a model's name contains:
// developers.cloudflare.com/workers-ai/models.
const OTHER_TASKS = [
  [/flux|stable-diffusion|dreamshaper|phoenix|lucid/, 'text to image'],
  [/whisper|nova-\d|smart-turn/, 'speech recognition'],
  [/aura-|melotts/, 'text to speech'],
  [/m2m100|indictrans/, 'translation'],
  [/distilbert/, 'text classification'],
  [/resnet-50$/, 'image classification or object detection'],
  [/llava|uform|moondream|vision/, 'image to text'],
  [/llama-?guard/, 'moderation'],
];

// Cloudflare changelog of 2026-05-08: removed on the given date.
const RETIRED = {
  '@cf/meta/llama-3-8b-instruct': '2026-05-30',
  '@cf/meta/llama-3-8b-instruct-awq': '2026-05-30',
  '@cf/facebook/bart-large-cnn': '2026-05-30',
};

/** Find a model, or fail like Workers AI. */
export function find(name) {
  if (Object.hasOwn(RETIRED, name)) {
    throw aiError(5028, `Model ${name} was deprecated on ${RETIRED[name]}`);
  }
  if (typeof name !== 'string' || !Object.hasOwn(MODELS, name)) throw unknown(name);
  return MODELS[name];
}

/** The error for a model that the stand-in does not have, with what to do about it. */
function unknown(name) {
  const [, task] = OTHER_TASKS.find(([words]) => words.test(String(name).split('/').at(-1))) ?? [];
  const note = task
    ? `${name}: cfpy dev has no stand-in for ${task}. Deploy the Worker to use it`
    : `cfpy dev has no stand-in for ${name}. Check its name, deploy the Worker to use it, or use ` +
      `one of ${Object.keys(MODELS).join(', ')}`;
  return Object.assign(aiError(5007, `No such model ${name} or task (${note})`), { note });
}

/** Names of the models whose embeddings have this many dimensions. */
export function embeddingModels(dimensions) {
  return Object.keys(MODELS).filter((name) => MODELS[name].dimensions === dimensions);
}

export function catalog() {
  return Object.entries(MODELS).map(([name, { kind }]) => ({ name, task: { name: kind } }));
}

/** Workers AI puts its code before the message. */
export function aiError(code, message) {
  return Object.assign(new Error(`${code}: ${message}`), { name: 'AiError' });
}
