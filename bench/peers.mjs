/**
 * The sizes of other products' scripts beside ours: each from npm, bundled and minified like ours, gzip -9.
 *
 *   python -m scripts.node bench/peers.mjs [UMAMI/src/tracker/index.js]       (after `make sdk`)
 *
 * What a script loads later by itself does not count, for them and for us. Umami's is not on npm: name its source.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const sdk = new URL('../sdk-js/', import.meta.url);
const require = createRequire(new URL('package.json', sdk));
const { build } = require('esbuild');
const { minify } = require('terser');

/** What a page would write to count views, with what each offers for that switched on. */
const PEERS = {
  'Plausible tracker': ['@plausible-analytics/tracker@0.4.6', "import { init } from '@plausible-analytics/tracker'; init({ domain: 'a' })"],
  OpenPanel: ['@openpanel/web@1.4.1', "import { OpenPanel } from '@openpanel/web'; new OpenPanel({ clientId: 'a', trackScreenViews: true })"],
  Snowplow: [
    '@snowplow/browser-tracker@4.10.1',
    "import { newTracker, trackPageView } from '@snowplow/browser-tracker'; newTracker('a', 'b'); trackPageView()",
  ],
  PostHog: ['posthog-js@1.449.2', "import posthog from 'posthog-js'; posthog.init('a')"],
  'web-vitals alone': ['web-vitals@6.2.3', "import * as vitals from 'web-vitals'; globalThis.vitals = vitals"],
};

async function size(folder, text) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: text, resolveDir: folder },
    bundle: true, write: false, splitting: true, format: 'esm', outdir: folder, target: 'es2020', logLevel: 'error',
    metafile: true, absWorkingDir: folder,
  });
  let bytes = 0;
  const told = Object.entries(metafile.outputs);
  const needed = new Set(told.filter(([, output]) => output.entryPoint == '<stdin>').map(([path]) => path));
  for (const path of needed) {
    for (const one of metafile.outputs[path].imports) if (one.kind == 'import-statement') needed.add(one.path);
    const file = outputFiles.find((one) => one.path.endsWith('/' + path));
    const small = await minify(file.text, { module: true, ecma: 2020, compress: { passes: 3, ecma: 2020 } });
    bytes += gzipSync(small.code, { level: 9 }).length;
  }
  return bytes;
}

const folder = mkdtempSync(join(tmpdir(), 'peers-'));
try {
  writeFileSync(join(folder, 'package.json'), '{"private": true}');
  const wanted = Object.values(PEERS).map(([name]) => name);
  const install = [process.env.NPM_CLI, 'install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  execFileSync(process.execPath, [...install, ...wanted], { cwd: folder, stdio: 'inherit' });
  const manifest = JSON.parse(readFileSync(new URL('../ingest_gateway/sdk/manifest.json', import.meta.url), 'utf8'));
  const ours = (name) => manifest.files[name].gzip;
  const rows = [
    ['Footfall, core', ours('f.js')],
    ['Footfall, all that is on by default', ours('f.js') + ours('f.auto.js')],
  ];
  for (const [name, [version, text]] of Object.entries(PEERS)) rows.push([`${name} (${version})`, await size(folder, text)]);
  const umami = process.argv[2];
  if (umami) rows.push(['Umami (its source)', await size(folder, readFileSync(umami, 'utf8'))]);
  for (const [name, bytes] of rows) console.log(`${name.padEnd(56)} ${String(bytes).padStart(7)} B`);
} finally {
  rmSync(folder, { recursive: true });
}
