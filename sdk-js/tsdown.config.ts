/** The npm package: what `npm run package` builds into dist/, and `exports` in package.json (written by it, too). */
import { defineConfig } from 'tsdown';
import manifest from './package.json' with { type: 'json' };

export default defineConfig({
  entry: {
    index: 'src/npm/index.ts',
    node: 'src/npm/node.ts',
    react: 'src/npm/react.tsx',
    'react-native': 'src/npm/react-native.ts',
    'electron/main': 'src/npm/electron/main.ts',
    'electron/preload': 'src/npm/electron/preload.ts',
    'electron/renderer': 'src/npm/electron/renderer.ts',
    playwright: 'src/testing/playwright.ts',
  },
  format: ['esm', 'cjs'],
  platform: 'neutral',
  target: 'es2022',
  dts: true,
  exports: true,
  define: { VERSION: JSON.stringify(manifest.version), PARTS: '{}' },
  // Inside, so that a package has no dependencies.
  deps: { onlyBundle: false, neverBundle: [/^node:/] },
});
