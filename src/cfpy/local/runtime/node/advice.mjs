// What to do about a module that is not there, instead of Pyodide's own advice: a Worker can't use
// micropip. The same as in local/traces.py.
const HOW = 'to `dependencies` in pyproject.toml';
const NO_PYPROJECT = ', which this project does not have yet';
const NO_RESPONSE = /(the Promise did not resolve to 'Response'\.)(?! fetch\(\))/g;
const RESPOND = '$1 fetch() has to return a Response, such as Response("text") or Response.json({"a": 1})';
// Line breaks may be escaped: a Worker logs its errors as JSON.
const NOTE =
  /(No module named '([^']+)')(?:\\n|\n)The module '([^']+)' is included in the Pyodide.+?for more details\./gs;
const UNKNOWN = /(ModuleNotFoundError: No module named '[A-Za-z]\w*')(?=\\n|\n|"|$)/g;

/** `text`, in which each module that is not there, and each answer that is not a response, comes with what to do. */
export function advise(text, { hasPyproject = true } = {}) {
  const how = hasPyproject ? HOW : HOW + NO_PYPROJECT;
  return text
    .replace(NO_RESPONSE, RESPOND)
    .replace(NOTE, (_, said, module, name) => `${said}: add ${module === name ? 'it' : `'${name}'`} ${how}`)
    .replace(UNKNOWN, (said) => `${said}: if it is a package, add it ${how}`);
}
