import { defineConfig } from 'vitest/config';

// Process-level tests run the built daemons, so the build comes first (device-sims/harness/build-once.ts).
export default defineConfig({
  test: {
    include: ['{edge,cloud-bridge,device-sims,config}/**/*.test.ts'],
    globalSetup: ['./device-sims/harness/build-once.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    // Real brokers, browsers and kills on a busy machine: one more try, which the report shows.
    retry: process.env.CI ? 1 : 0,
  },
});
