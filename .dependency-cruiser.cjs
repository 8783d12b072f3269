// Imports run one way (ARCHITECTURE.md, "Rooms"). Type-only imports count: `tsPreCompilationDeps` keeps them visible.
const room = (name) => `^edge/${name}/`;
const ROOMS = ['devices', 'codecs', 'sensing', 'journal', 'rules', 'notify', 'staff'];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'contracts-import-nothing-of-ours',
      severity: 'error',
      from: { path: room('contracts') },
      to: { path: '^(edge|cloud-bridge|device-sims|config)/', pathNot: room('contracts') },
    },
    {
      name: 'ops-imports-contracts-only',
      severity: 'error',
      from: { path: room('ops') },
      to: { path: '^(edge|cloud-bridge|device-sims|config)/', pathNot: [room('contracts'), room('ops')] },
    },
    ...ROOMS.map((name) => ({
      name: `${name}-imports-no-neighbour`,
      severity: 'error',
      from: { path: room(name), pathNot: '\\.(test|bench)\\.ts$' },
      to: { path: '^(edge|cloud-bridge|device-sims|config)/', pathNot: [room(name), room('contracts'), room('ops')] },
    })),
    {
      name: 'bridge-sees-contracts-ops-and-the-journal-reader',
      severity: 'error',
      from: { path: '^cloud-bridge/', pathNot: '(\\.(test|bench|fixture)\\.ts$|^cloud-bridge/main\\.ts$)' },
      to: {
        path: '^(edge|device-sims|config)/',
        pathNot: [room('contracts'), room('ops'), '^edge/journal/reader\\.ts$'],
      },
    },
    {
      name: 'config-imports-contracts-only',
      severity: 'error',
      from: { path: '^config/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(edge|cloud-bridge|device-sims)/', pathNot: room('contracts') },
    },
    {
      name: 'only-entries-import-config',
      severity: 'error',
      from: {
        path: '^(edge|cloud-bridge|device-sims)/',
        pathNot: '(\\.(test|bench|fixture)\\.ts$|^edge/cli/|^edge/(main|hub|writer)\\.ts$|^cloud-bridge/main\\.ts$)',
      },
      to: { path: '^config/' },
    },
    {
      name: 'cli-sees-the-outside-of-rooms',
      severity: 'error',
      from: { path: room('cli'), pathNot: '\\.(test|bench)\\.ts$' },
      to: {
        path: '^(edge|cloud-bridge|device-sims)/',
        pathNot: [
          room('cli'),
          room('contracts'),
          room('ops'),
          '^edge/journal/(reader|backup|restore)\\.ts$',
          '^edge/codecs/formats\\.ts$',
          '^edge/device-trial\\.ts$',
          '^cloud-bridge/hq/',
          '^edge/main\\.ts$',
          '^cloud-bridge/main\\.ts$',
        ],
      },
    },
    {
      name: 'sims-see-contracts-only',
      severity: 'error',
      from: { path: '^device-sims/', pathNot: '\\.(test|bench|fixture)\\.ts$' },
      to: { path: '^(edge|cloud-bridge|config)/', pathNot: room('contracts') },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|node_modules)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
