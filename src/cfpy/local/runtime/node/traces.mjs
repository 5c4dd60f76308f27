// A traceback as a person needs it: without the frames of the interpreter, and with long runs of
// frames of packages folded. The same as `readable` in local/traces.py, for the answers that this
// process gives itself. Paths are those of the project.
const HEAD = 'Traceback (most recent call last):';
// A frame with its lines of source, in an exception group after bars: they are indented deeper.
const FRAME = /^([ |]*) {2}File "([^"]+)", line \d+/;
const MODULES = 'python_modules/';
const FOLDED = 3;
// bootstrap.py, and what runs it and what imports a module through it.
const OWN = /^(<exec>$|<frozen importlib\.)/;

/** `text`, if it is a traceback with a frame of the project; another text stays as it is. */
export function readable(text) {
  if (!text.includes(HEAD)) return text;
  const lines = text.trimEnd().split('\n');
  while (lines.at(-1).startsWith('    at ')) lines.pop();
  lines[0] = lines[0].replace(/^PythonError: /, '');
  const blocks = blocksOf(lines);
  const shown = blocks.some(isOfProject) ? blocks.filter(({ path }) => !/^[/<]/.test(path)) : blocks;
  return folded(shown).join('\n');
}

/**
 * `text`, if it is a traceback with a frame of the project, without the frames of cfpy's own code in
 * the interpreter and of imports, and without an empty line at its end. What else it has may matter
 * to a program that reads it; another text stays as it is.
 */
export function withoutOwnFrames(text) {
  if (!text.includes(HEAD)) return text;
  const blocks = blocksOf(text.trimEnd().split('\n'));
  if (!blocks.some(isOfProject)) return text.trimEnd();
  return blocks.filter(({ path }) => !OWN.test(path)).flatMap(({ lines }) => lines).join('\n');
}

function isOfProject({ path }) {
  return path !== '' && !/^[/<]/.test(path) && !path.startsWith(MODULES);
}

/** The frames with their paths, and what is between them with an empty path. */
function blocksOf(lines) {
  const blocks = [];
  let depth = 0;
  for (const line of lines) {
    const frame = FRAME.exec(line);
    const deeper = /^[ |]*$/.test(line.slice(0, depth)) && line[depth] === ' ';
    const last = blocks.at(-1);
    if (frame || !last || (last.path && !deeper)) {
      blocks.push({ path: frame ? frame[2] : '', bars: frame?.[1] ?? '', lines: [] });
      depth = frame ? frame[1].length + 2 : 0;
    }
    blocks.at(-1).lines.push(line);
  }
  return blocks;
}

function folded(blocks) {
  const shown = [];
  for (let start = 0; start < blocks.length; ) {
    let end = start;
    while (blocks[end]?.path.startsWith(MODULES)) end += 1;
    const hidden = end - start > FOLDED ? blocks.slice(start, end - 1) : [];
    if (hidden.length) {
      const names = new Set(hidden.map(({ path }) => path.split('/')[1].replace(/\.py$/, '')));
      shown.push(`${hidden[0].bars}  (${hidden.length} frames in ${[...names].join(', ')})`);
      start = end - 1;
    }
    shown.push(...blocks[start].lines);
    start += 1;
  }
  return shown;
}
