// What to do about a module that is not there, instead of Pyodide's own advice: a Worker can't use
// micropip. The same as in local/traces.py.
const HOW = 'to `dependencies` in pyproject.toml';
// Line breaks may be escaped: a Worker logs its errors as JSON.
const NOTE =
  /(No module named '([^']+)')(?:\\n|\n)The module '([^']+)' is included in the Pyodide.+?for more details\./gs;
const UNKNOWN = /(ModuleNotFoundError: No module named '[A-Za-z]\w*')(?=\\n|\n|"|$)/g;

/** `text`, in which each module that is not there comes with what to do about it. */
export function advise(text) {
  return text
    .replace(NOTE, (_, said, module, name) => `${said}: add ${module === name ? 'it' : `'${name}'`} ${HOW}`)
    .replace(UNKNOWN, (said) => `${said}: if it is a package, add it ${HOW}`);
}
