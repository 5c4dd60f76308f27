// `toMarkdown()` of Workers AI: converts documents by cfpy's process, in the shapes of workerd's
// src/cloudflare/internal/to-markdown-api.ts of 2026-11-17.
import { aiInternalError, failure } from './errors.js';

const CHUNK = 0x8000; // arguments of a call

/**
 * Documents as they travel: `{name, mimeType, data}` with the content in Base64.
 *
 * @param {{name: string, blob: Blob}[]} files
 */
export async function readFiles(files) {
  const read = [];
  for (const file of files) {
    read.push({ name: file.name, mimeType: file.blob.type, data: base64(await file.blob.arrayBuffer()) });
  }
  return read;
}

/** @returns {Promise<object[]>} a result for each document of `readFiles`, in their order */
export async function transform(env, files, options) {
  // Headers and AI Gateway have no meaning here.
  const { conversionOptions } = options ?? {};
  const body = JSON.stringify({ files, options: { conversionOptions } });
  return ask(env, 'transformer', { method: 'POST', body });
}

/** @returns {Promise<{extension: string, mimeType: string}[]>} */
export function supported(env) {
  return ask(env, 'supported', {});
}

/** The result for one document, or for a list of them. */
export function resultFor(files, results) {
  if (Array.isArray(files)) return results;
  if (!results[0]) throw aiInternalError('Internal Error Converting files into Markdown');
  return results[0];
}

async function ask(env, path, init) {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${env.CFPY_MARKDOWN_KEY}` };
  let response;
  try {
    response = await fetch(`${env.CFPY_MARKDOWN_URL}/${path}`, { ...init, headers });
  } catch (error) {
    throw failure(3043, 'Internal server error', `the converter of cfpy dev can't be reached: ${error.message}`);
  }
  const { result, errors } = await response.json();
  if (!response.ok) throw aiInternalError(errors[0]?.message || 'Internal Error');
  return result;
}

function base64(buffer) {
  const bytes = new Uint8Array(buffer);
  const parts = [];
  for (let at = 0; at < bytes.length; at += CHUNK) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + CHUNK)));
  }
  return btoa(parts.join(''));
}
