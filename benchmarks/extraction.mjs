// Reads the file on standard input in Pyodide: {src, pyodide, media_type} in, {mb, seconds, result} out.
import fs from 'node:fs';
import { pathToFileURL } from 'node:url';

const { src, pyodide, media_type: mediaType } = JSON.parse(process.argv[2]);
const file = new Uint8Array(fs.readFileSync(0));
const { loadPyodide } = await import(pathToFileURL(pyodide).href);
const python = await loadPyodide({ env: { PYTHONDONTWRITEBYTECODE: '1' } });
python.FS.mkdirTree('/src');
python.mountNodeFS('/src', src);
python.globals.set('data', file);
python.globals.set('media_type', mediaType);
python.runPython(`
import sys
sys.path.insert(0, '/src')
from jobs.job import Unprocessable
from pipeline.texts import extract

def read():
    try:
        pieces = extract(bytes(data.to_memoryview()), media_type)
    except Unprocessable as error:
        return str(error)[:60]
    return f'{sum(map(len, pieces)):,} characters'
`);
const read = python.globals.get('read');
const before = process.cpuUsage();
const result = read();
const { user, system } = process.cpuUsage(before);
const bytes = python._module.HEAPU8.length + file.length;
console.log(JSON.stringify({ mb: bytes / 1e6, seconds: (user + system) / 1e6, result }));
