// What stands in for a language model: the user's own endpoint, or an extract of the prompt.
import { relevance } from './embedding.js';
import { aiError } from './models.js';

const PASSAGE = /<passage id="(\d+)"[^>]*>([\s\S]*?)<\/passage>/g;
const DOCUMENT = /<document>([\s\S]*?)<\/document>/g;
const LEADING_SENTENCES = 3;
const NOTHING_NEAR = 'I could not find that in the passages.';
const MIN_RELEVANCE = 0.2;

/**
 * The reply to `messages`.
 *
 * Without an endpoint it is the sentences of the prompt's numbered passages that lie nearest to
 * the question, each with the number of its passage, or of the whole context where nothing is
 * numbered. Of <document> blocks, as a summary is asked for, it is their first sentences. It is no
 * model: text is quoted, never obeyed.
 */
export async function answer(env, messages, inputs, limit) {
  if (env.AI_BASE_URL) return complete(env, messages, inputs, limit);
  const question = messages.findLast(({ role }) => role === 'user')?.content ?? '';
  const documents = [...question.matchAll(DOCUMENT)].map(([, text]) => text);
  if (documents.length > 0) return leading(documents.join('\n\n'));
  const asked = lastParagraph(question.replace(PASSAGE, ''));
  const sentences = passagesOf(messages, question).flatMap(({ id, text }) =>
    split(text).map((sentence) => ({ id, sentence })),
  );
  if (sentences.length === 0) return `You said: ${asked}`;
  const scores = await relevance(env, asked, sentences.map(({ sentence }) => sentence));
  const best = sentences
    .map((item, i) => ({ ...item, score: scores[i] }))
    .filter(({ score }) => score >= MIN_RELEVANCE)
    .sort((a, b) => b.score - a.score)
    .slice(0, 2);
  if (best.length === 0) return NOTHING_NEAR;
  return best.map(({ id, sentence }) => (id ? `${sentence} [${id}]` : sentence)).join(' ');
}

async function complete(env, messages, { temperature }, limit) {
  const response = await fetch(`${env.AI_BASE_URL.replace(/\/$/, '')}/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${env.AI_API_KEY || 'none'}`,
    },
    body: JSON.stringify({ model: env.AI_CHAT_MODEL, messages, max_tokens: limit, temperature }),
  });
  if (!response.ok) {
    const text = (await response.text()).slice(0, 200);
    throw aiError(3040, `the chat endpoint answered ${response.status}: ${text}`);
  }
  const { choices } = await response.json();
  return choices[0].message.content ?? '';
}

/** Numbered passages wherever they stand; else the system messages as one. */
function passagesOf(messages, question) {
  const prompt = messages.map(({ content }) => content).join('\n');
  const numbered = [...prompt.matchAll(PASSAGE)].map(([, id, text]) => ({ id, text }));
  if (numbered.length > 0) return numbered;
  const context = messages.filter(({ content }) => content !== question);
  return context.map(({ content }) => ({ id: null, text: content }));
}

/** The question itself comes last, below whatever surrounds it. */
function lastParagraph(text) {
  return text.trim().split(/\n\s*\n/).at(-1).replace(/^question:\s*/i, '').trim();
}

function leading(text) {
  const sentences = split(text).slice(0, LEADING_SENTENCES);
  return sentences.join(' ') || text.trim().slice(0, 200) || 'There is no text.';
}

function split(text) {
  const unescaped = text.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
  return unescaped
    .replace(/^#+ .*$/gm, '')
    .split(/(?<=[.!?])\s+|\n{2,}/)
    .map((sentence) => sentence.replace(/\s+/g, ' ').trim())
    .filter((sentence) => sentence.length > 12);
}
