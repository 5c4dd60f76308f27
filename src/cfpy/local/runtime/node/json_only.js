// Checks what Workers pass to each other: between Python in Node and workerd, only JSON passes.
//
// This file runs in both: miniflare.mjs puts its text in front of the shim.

/**
 * Throws if JSON would change or lose a part of a value.
 *
 * @param {unknown} value an argument or a result
 * @param {string} what names it in the message: "argument 1 of OTHER.add"
 */
export function refuseOther(value, what) {
  const found = other(value, '', []);
  if (!found) return;
  throw new TypeError(
    `${what} has ${found}: with --runtime node, Workers pass each other only what JSON has (text, finite numbers, ` +
      'booleans, None, lists, dicts). Pass one of these, or use --runtime workerd',
  );
}

/** What JSON does not have, with its place; an empty string if there is nothing. */
function other(value, place, around) {
  const at = place && ` at ${place}`;
  if (value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean') return '';
  if (typeof value === 'number') return Number.isFinite(value) ? '' : `${value}${at}`;
  if (typeof value !== 'object') return `a ${typeof value}${at}`;
  if (around.includes(value)) return `a part of itself${at}`;
  const inside = [...around, value];
  if (Array.isArray(value)) return first(value.map((item, index) => () => other(item, `${place}[${index}]`, inside)));
  const name = kindOf(value);
  if (name) return `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}${at}`;
  return first(Object.keys(value).map((key) => () => other(value[key], `${place}.${key}`, inside)));
}

function first(questions) {
  for (const ask of questions) {
    const found = ask();
    if (found) return found;
  }
  return '';
}

/** The name of an object's class; an empty string for a plain one. */
function kindOf(value) {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return '';
  return value.constructor?.name || 'object of a class';
}
