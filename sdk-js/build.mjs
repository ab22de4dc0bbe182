/**
 * Builds what the gateway serves (../ingest_gateway/sdk, committed) and checks its sizes.
 *
 *   node build.mjs            writes the files
 *   node build.mjs --check    exit code 1 if they are not what the sources give
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { minify } from 'terser';

const OUT = new URL('../ingest_gateway/sdk/', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
/** File -> [entry, most bytes after gzip -9]. */
const FILES = {
  'f.js': ['src/iife.ts', 3000],
  'f.auto.js': ['src/parts/auto.ts', 7000], // with the core: all that is on by default
  'f.vitals.js': ['src/parts/vitals.ts', 5000], // 1,500 of ours beside web-vitals
  'f.errors.js': ['src/parts/errors.ts', 1500],
  'f.friction.js': ['src/parts/friction.ts', 1500],
  'f.pointer.js': ['src/parts/pointer.ts', 1500],
  'f.replay.js': ['src/parts/replay.ts', 1500],
  'f.tcf.js': ['src/parts/tcf.ts', 1500],
  'f.gcm.js': ['src/parts/gcm.ts', 1500],
  'f.debug.js': ['src/parts/debug.ts', 1500],
};
const NAME = /^f(\.[a-z]+)?\.js$/;

async function made(entry, parts) {
  const bundled = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2020',
    tsconfigRaw: { compilerOptions: { alwaysStrict: false } }, // the directive costs 13 bytes a file, and nothing needs it
    define: { VERSION: JSON.stringify(version), PARTS: JSON.stringify(parts) },
    absWorkingDir: new URL('.', import.meta.url).pathname,
    logLevel: 'warning',
  });
  const small = await minify(bundled.outputFiles[0].text, {
    ecma: 2020,
    compress: { passes: 3, ecma: 2020, unsafe: true, unsafe_arrows: true, pure_getters: true, keep_fargs: false },
    format: { ecma: 2020, comments: /^!/ }, // what the licences of others ask to be kept
  });
  return Buffer.from(small.code + '\n');
}

const facts = (body) => ({
  bytes: body.length,
  gzip: gzipSync(body, { level: 9 }).length,
  sha256: createHash('sha256').update(body).digest('base64'),
});

const found = {};
const manifest = { version, files: {} };
// The core is pinned by the tag, the first part by the tag too, every further part by the first.
const names = Object.keys(FILES).sort((one, other) => (one == 'f.auto.js') - (other == 'f.auto.js'));
const parts = {};
let bad = 0;
for (const name of names) {
  const [entry, most] = FILES[name];
  found[name] = await made(entry, parts);
  const told = (manifest.files[name] = facts(found[name]));
  parts[name.slice(2, -3)] = 'sha256-' + told.sha256;
  const page = told.gzip + (name == 'f.auto.js' ? manifest.files['f.js'].gzip : 0);
  const fits = page <= most;
  console.log(`${name.padEnd(16)} ${String(told.bytes).padStart(6)} bytes, gzip -9 ${String(page).padStart(5)} of ${most}${fits ? '' : '  TOO LARGE'}`);
  bad += !fits;
}
manifest.files = Object.fromEntries(Object.entries(manifest.files).sort());
found['manifest.json'] = Buffer.from(JSON.stringify(manifest, null, 2) + '\n');

if (process.argv.includes('--check')) {
  for (const [name, body] of Object.entries(found)) {
    const file = new URL(name, OUT);
    if (!existsSync(file) || !readFileSync(file).equals(body)) {
      console.error(`${name} is not what the sources give: run 'make sdk' and commit`);
      bad++;
    }
  }
} else {
  mkdirSync(OUT, { recursive: true });
  for (const name of readdirSync(OUT)) if (NAME.test(name)) rmSync(new URL(name, OUT));
  for (const [name, body] of Object.entries(found)) writeFileSync(new URL(name, OUT), body);
}
process.exit(bad ? 1 : 0);
