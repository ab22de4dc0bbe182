/** node bundle.mjs ENTRY OUT: a program that uses the package by its name, from the sources, as one file for Node. */
import { build } from 'esbuild';

const source = (path) => new URL(`../../src/npm/${path}.ts`, import.meta.url).pathname;
const [entry, outfile] = process.argv.slice(2);
await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  define: { VERSION: '"0.0.0"' },
  alias: { '@footfall/sdk/node': source('node') },
  logLevel: 'warning',
});
