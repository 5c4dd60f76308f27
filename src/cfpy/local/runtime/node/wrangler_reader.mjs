// The process that reads a configuration with wrangler: see wrangler_options.mjs.
import { readHere } from './wrangler_options.mjs';

process.once('message', (session) => {
  const before = { ...process.env };
  let answer;
  try {
    const found = readHere(session);
    const names = new Set([...Object.keys(before), ...Object.keys(process.env)]);
    const changed = [...names].filter((name) => before[name] !== process.env[name]);
    const environment = Object.fromEntries(changed.map((name) => [name, process.env[name] ?? null]));
    answer = { found, environment };
  } catch (error) {
    const { name, stack, code, refused } = error;
    answer = { error: { name, message: String(error.message ?? error), stack, code, refused } };
  }
  try {
    process.send(answer, leave);
  } catch {
    process.send({ unsendable: true }, leave);
  }
});

/** What wrangler started must not keep this process. */
function leave() {
  process.exit();
}
