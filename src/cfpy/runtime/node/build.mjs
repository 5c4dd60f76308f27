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
 * @param {{command: string, cwd: string, watch: string[]} | null} settings
 * @returns {{run: () => Promise<string>, isStale: (paths: string[]) => boolean}} `run` builds, and
 *   resolves to what went wrong, empty if nothing did; `isStale` tells whether one of the files that
 *   changed, given absolute, asks for a new build
 */
export function makeBuild(settings) {
  if (settings === null) return { run: async () => '', isStale: () => false };
  const { command, cwd, watch } = settings;
  let built = '';
  return {
    async run() {
      const failed = await runCommand(command, cwd);
      // A build that writes into what it watches must not ask for itself.
      built = digest(watch);
      return failed;
    },
    isStale: (paths) =>
      paths.some((file) => watch.some((place) => isWithin(file, place))) && digest(watch) !== built,
  };
}

async function runCommand(command, cwd) {
  emit('log', { level: 'log', text: `[build] ${command}` });
  // A shell, as in wrangler: the command is the project's own.
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

/** Of the content of every file in `places`. */
function digest(places) {
  const hash = createHash('sha256');
  for (const place of places) addTo(hash, place);
  return hash.digest('hex');
}

function addTo(hash, place) {
  const found = fs.statSync(place, { throwIfNoEntry: false });
  if (found?.isFile()) {
    hash.update(`${place}\0`).update(fs.readFileSync(place));
  } else if (found?.isDirectory()) {
    const names = fs.readdirSync(place).filter((name) => !SKIPPED.has(name));
    for (const name of names.toSorted()) addTo(hash, path.join(place, name));
  }
}
