/** node bundle.mjs ENTRY OUT [browser]: a program that uses the package by its name, from the sources, as one file. */
import { build } from 'esbuild';

const ENTRIES = ['node', 'electron/main', 'electron/preload', 'electron/renderer'];
const source = (path) => new URL(`../../src/npm/${path}.ts`, import.meta.url).pathname;
const [entry, outfile, platform = 'node'] = process.argv.slice(2);
await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  platform,
  format: platform == 'node' ? 'esm' : 'iife',
  target: 'node20',
  define: { VERSION: '"0.0.0"' },
  alias: Object.fromEntries(ENTRIES.map((name) => [`@footfall/sdk/${name}`, source(name)])),
  logLevel: 'warning',
});
