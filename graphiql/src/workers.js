// Monaco's three workers, from files of our own (WORKERS is filled in by build.mjs: name → hashed file).
const files = { json: WORKERS.json, graphql: WORKERS.graphql };

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) => new Worker(new URL(files[label] ?? WORKERS.editor, import.meta.url)),
};
