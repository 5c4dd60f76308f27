// The errors of Workers AI: its code comes before the message
// (developers.cloudflare.com/workers-ai/platform/errors).

export function aiError(code, message) {
  return Object.assign(new Error(`${code}: ${message}`), { name: 'AiError' });
}

/** An error of a service around the models, such as the conversion of documents. */
export function aiInternalError(message) {
  return Object.assign(new Error(message), { name: 'AiInternalError' });
}

/** An error with a `note` for the user of `cfpy dev`, which is also logged. */
export function failure(code, words, note) {
  return Object.assign(aiError(code, `${words} (${note})`), { note });
}

/** The error for what exists on Cloudflare, but not here. `what` is a call or a model. */
export function missing(what, task) {
  const note = `${what}: cfpy dev has no stand-in for ${task}. Deploy the Worker to use it`;
  return failure(5007, `No such model ${what} or task`, note);
}
