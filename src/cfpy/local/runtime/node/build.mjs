// The custom build of a project, [build] in its configuration, which `wrangler dev` would run:
// developers.cloudflare.com/workers/wrangler/custom-builds.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { emit } from './events.mjs';

const SKIPPED = new Set(['.git', '.venv', '.wrangler', '__pycache__', 'node_modules', 'python_modules']);

/**
 * @param {{build: {command: string, cwd: string, watch: string[]} | null, entry: string}} session
 * @returns {{run: () => Promise<string>, isStale: (files: string[]) => boolean,
 *   wrote: (file: string) => boolean}} `run` builds, and resolves to an error message, empty if
 *   it succeeded; `isStale` is whether one of the changed files requires a new build, `wrote`
 *   whether a file is as the last build wrote it
 */
export function makeBuild({ build, entry }) {
  if (build === null) return { run: async () => '', isStale: () => false, wrote: () => false };
  const { command, cwd, watch } = build;
  let built = '';
  let left = new Map();
  return {
    async run() {
      const failed = await runCommand(command, cwd);
      // A build that writes into a watched directory must not start itself again.
      built = digest(watch);
      left = new Map(filesBelow(path.dirname(entry)).map((file) => [file, signature(file)]));
      return failed;
    },
    isStale: (files) =>
      files.some((file) => watch.some((place) => isWithin(file, place))) && digest(watch) !== built,
    wrote: (file) => left.has(file) && left.get(file) === signature(file),
  };
}

async function runCommand(command, cwd) {
  emit('log', { level: 'log', text: `[build] ${command}` });
  // A shell, as in wrangler: the command comes from the project.
  const child = spawn(command, {
    cwd,
    shell: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, WRANGLER_COMMAND: 'dev' },
  });
  const kept = [];
  const show = (stream, level) => {
    readline.createInterface({ input: stream }).on('line', (text) => {
      if (level === 'error') kept.push(text);
      emit('log', { level, text: `[build] ${text}` });
    });
  };
  show(child.stdout, 'log');
  show(child.stderr, 'error');
  const ended = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (status, signal) => resolve(status === 0 ? '' : `${status ?? signal}`));
  });
  if (ended === '') return '';
  return [`the build failed with ${ended}: ${command}`, ...kept.slice(-20)].join('\n');
}

function isWithin(file, place) {
  const below = path.relative(place, file);
  return below === '' || (!below.startsWith('..') && !path.isAbsolute(below));
}

/** A hash of the content of every file in `places`. */
function digest(places) {
  const hash = createHash('sha256');
  for (const file of places.flatMap(filesBelow)) hash.update(`${file}\0`).update(contentOf(file));
  return hash.digest('hex');
}

/** Empty for a file that no longer exists. */
function contentOf(file) {
  try {
    return fs.readFileSync(file);
  } catch {
    return '';
  }
}

/** A value that changes with the content of a file. */
function signature(file) {
  const found = fs.statSync(file, { throwIfNoEntry: false });
  return found && `${found.ctimeMs} ${found.mtimeMs} ${found.size} ${found.ino}`;
}

/** All files in a directory, or the file itself. Links to directories are not followed. */
function filesBelow(place) {
  if (fs.statSync(place, { throwIfNoEntry: false })?.isFile()) return [place];
  try {
    const names = fs.readdirSync(place).filter((name) => !SKIPPED.has(name));
    const below = names.toSorted().map((name) => path.join(place, name));
    return below.filter((name) => !isLinkedDirectory(name)).flatMap(filesBelow);
  } catch {
    return [];
  }
}

function isLinkedDirectory(place) {
  const target = fs.statSync(place, { throwIfNoEntry: false });
  return fs.lstatSync(place).isSymbolicLink() && target?.isDirectory();
}
