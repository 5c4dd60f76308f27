// Text generation: from the inputs of `run()` to the answer in the shape of the model's family.
import { answer, answerInPieces } from './chat.js';
import { aiError, failure } from './errors.js';
import { asMessages, readMessages } from './messages.js';
import { framesOf, wholeOf } from './shapes.js';

// What only a real model can do.
const NEEDS_MODEL = ['tools', 'response_format'];
const FORMATS = ['text', 'json_object', 'json_schema'];

/** @returns {Promise<object | AsyncGenerator<string>>} the events, if `inputs.stream` */
export async function generate(env, model, inputs) {
  const isResponses = model.responses && inputs.input !== undefined;
  const messages = isResponses ? asMessages(inputs) : readMessages(inputs);
  checkTypes(inputs);
  checkPossible(env, inputs, messages);
  const limits = [inputs[model.limit], inputs.max_tokens, inputs.max_output_tokens];
  const limit = limits.find((value) => value != null) ?? model.defaultTokens;
  const shape = isResponses ? 'responses' : model.shape;
  const asked = { inputs, limit, withReasoning: shape !== 'response' };
  const given = { model, inputs, messages };
  if (!inputs.stream) return wholeOf[shape](await answer(env, messages, asked), given);
  if (inputs.response_format && inputs.response_format.type !== 'text') {
    throw aiError(5023, 'JSON Schema mode is not supported with stream mode.');
  }
  return framesOf[shape](await answerInPieces(env, messages, asked), given);
}

function checkTypes({ tools, response_format: format }) {
  if (tools != null && !Array.isArray(tools)) {
    throw aiError(5006, "Error: Type mismatch of '/tools', 'array' expected");
  }
  if (format != null && !FORMATS.includes(format.type)) {
    throw aiError(5006, `Error: '/response_format/type' must be one of ${FORMATS.join(', ')}`);
  }
}

function checkPossible(env, inputs, messages) {
  if (env.AI_BASE_URL) return;
  for (const name of NEEDS_MODEL) {
    if (inputs[name] != null) {
      const note = `cfpy dev: '${name}' needs a real model. Set CFPY_AI_BASE_URL`;
      throw failure(5006, `Error: '${name}' is not possible`, note);
    }
  }
  if (messages.every(({ content }) => typeof content === 'string')) return;
  const note = 'cfpy dev: only a real model reads images. Set CFPY_AI_BASE_URL';
  throw failure(5006, "Error: Type mismatch of '/messages/content', 'string' expected", note);
}
