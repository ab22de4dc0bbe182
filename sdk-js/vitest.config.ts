import { defineConfig } from 'vitest/config';

export default defineConfig({
  define: { VERSION: '"0.0.0"', PARTS: '{}' },
  test: {
    include: ['tests/**/*.test.{ts,tsx}'],
    environment: 'happy-dom',
    testTimeout: 10_000,
    typecheck: { enabled: true, include: ['tests/**/*.test-d.ts'], tsconfig: 'tests/tsconfig.json' },
  },
});
