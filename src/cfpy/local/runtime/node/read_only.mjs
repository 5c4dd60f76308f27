// The Worker's files, which nobody can change in workerd either: here they are those of the project.

// What Emscripten's file systems call `mode` has a bit for writing for each of user, group, others.
const WRITE = 0o222;

/** Mount a directory of this machine so that Python can only read it. */
export function mountReadOnly(python, where, directory) {
  const { FS } = python;
  FS.mkdirTree(where);
  FS.mount(readOnly(FS.filesystems.NODEFS), { root: directory }, where);
}

/** Emscripten's file system of Node, whose files have no permission to be written. */
function readOnly(NODEFS) {
  const { getattr, lookup, readdir, readlink } = NODEFS.node_ops;
  const seal = (node) => {
    node.mode &= ~WRITE;
    return Object.assign(node, { node_ops, stream_ops });
  };
  // Without the operations that change something: Emscripten answers for those that are missing.
  const node_ops = {
    getattr: (node) => {
      const found = getattr(node);
      return { ...found, mode: found.mode & ~WRITE };
    },
    lookup: (parent, name) => seal(lookup(parent, name)),
    readdir,
    readlink,
  };
  const { setattr: _changes, ...stream_ops } = NODEFS.stream_ops;
  return { ...NODEFS, mount: (mount) => seal(NODEFS.mount(mount)), node_ops, stream_ops };
}
