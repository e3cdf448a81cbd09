// Bundles GraphiQL and its workers into files with hashed names: node build.mjs OUTDIR
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { build } from 'esbuild';

const outdir = process.argv[2];
const common = {
  bundle: true,
  minify: true,
  metafile: true,
  outdir,
  entryNames: '[name]-[hash]',
  chunkNames: 'chunk-[hash]',
  assetNames: '[name]-[hash]',
  target: ['chrome109', 'firefox115', 'safari16'],
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'eof',
  logLevel: 'warning',
};

/** Source file → the hashed name that it got; a style sheet that belongs to it is named too. */
function named(result) {
  const files = {};
  for (const [path, { entryPoint, cssBundle }] of Object.entries(result.metafile.outputs)) {
    if (entryPoint) files[entryPoint] = { file: basename(path), style: cssBundle && basename(cssBundle) };
  }
  return files;
}

const workerSources = {
  editor: 'node_modules/monaco-editor/esm/vs/editor/editor.worker.js',
  json: 'node_modules/monaco-editor/esm/vs/language/json/json.worker.js',
  graphql: 'node_modules/monaco-graphql/esm/graphql.worker.js',
};
// Classic scripts, one file each: a worker then needs nothing but itself.
const workers = named(await build({ ...common, format: 'iife', entryPoints: Object.values(workerSources) }));
const workerFiles = Object.fromEntries(
  Object.entries(workerSources).map(([name, source]) => [name, workers[source].file]),
);

const page = named(
  await build({
    ...common,
    format: 'esm',
    splitting: true,
    jsx: 'automatic',
    entryPoints: ['src/main.jsx', 'src/icon.svg'],
    loader: { '.svg': 'copy', '.ttf': 'file', '.woff2': 'file', '.woff': 'file' },
    define: { ...common.define, WORKERS: JSON.stringify(workerFiles) },
  }),
);

const manifest = {
  script: page['src/main.jsx'].file,
  style: page['src/main.jsx'].style,
  icon: page['src/icon.svg'].file,
};
await writeFile(join(outdir, 'manifest.json'), JSON.stringify(manifest, null, 2) + '\n');
