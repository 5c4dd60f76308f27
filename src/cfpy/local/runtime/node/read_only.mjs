// The Worker's files, which nobody can change in workerd either: here they are those of the project.
//
// A link to a file is that file, and a link to a directory is not there: so wrangler uploads them
// (getFiles in wrangler 4.164.0 takes each entry of a directory that is not one itself as a file).
import fs from 'node:fs';
import path from 'node:path';

// What Emscripten's file systems call `mode` has a bit for writing for each of user, group, others.
const WRITE = 0o222;
const NO_ENTRY = 44; // ENOENT, as Emscripten numbers it

/** Mount a directory of this machine so that Python can only read it. */
export function mountReadOnly(python, where, directory) {
  const { FS } = python;
  FS.mkdirTree(where);
  // The directory itself may be a link.
  const root = fs.existsSync(directory) ? fs.realpathSync(directory) : directory;
  FS.mount(readOnly(FS), { root }, where);
}

/** Whether Python finds what is at this path: it is not a link, or a link to a file. */
function isThere(place) {
  try {
    return !fs.lstatSync(place).isSymbolicLink() || fs.statSync(place).isFile();
  } catch {
    return false;
  }
}

/** Emscripten's file system of Node, whose files have no permission to be written. */
function readOnly(FS) {
  const { NODEFS } = FS.filesystems;
  const { getattr, lookup, readdir } = NODEFS.node_ops;
  const seal = (node) => {
    node.mode &= ~WRITE;
    return Object.assign(node, { node_ops, stream_ops });
  };
  const linked = new WeakSet();
  const below = (node, name) => path.join(NODEFS.realPath(node), name);
  // Without the operations that change something: Emscripten answers for those that are missing.
  const node_ops = {
    getattr: (node) => {
      const found = getattr(node);
      if (linked.has(node)) {
        const { mode, size, atime, mtime, ctime } = fs.statSync(NODEFS.realPath(node));
        Object.assign(found, { mode, size, atime, mtime, ctime });
      }
      return { ...found, mode: found.mode & ~WRITE };
    },
    lookup: (parent, name) => {
      const place = below(parent, name);
      if (!isThere(place)) throw new FS.ErrnoError(NO_ENTRY);
      const node = lookup(parent, name);
      if (FS.isLink(node.mode)) {
        node.mode = fs.statSync(place).mode;
        linked.add(node);
      }
      return seal(node);
    },
    // Emscripten looks up each name, and would give up at the first that is not there.
    readdir: (node) => readdir(node).filter((name) => isThere(below(node, name))),
  };
  const { setattr: _changes, ...stream_ops } = NODEFS.stream_ops;
  return { ...NODEFS, mount: (mount) => seal(NODEFS.mount(mount)), node_ops, stream_ops };
}
