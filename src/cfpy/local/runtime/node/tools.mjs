// Loads the npm packages of cfpy's toolchain, independent of where these files are.
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** Import a package from a directory that has `node_modules`. */
export async function importTool(directory, name) {
  const require = createRequire(path.join(directory, 'package.json'));
  return import(pathToFileURL(require.resolve(name)));
}

/**
 * The same for one that is CommonJS. An import would read and parse it twice more, to find out what
 * it exports: half a second for wrangler.
 */
export function requireTool(directory, name) {
  return createRequire(path.join(directory, 'package.json'))(name);
}
