import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseConfig } from '../../config/loader.ts';
import { serviceNotes } from './service-notes.ts';

const device = (name: string, path: string, after = 'move') =>
  ({ name, codec: 'poslog', folder: { path, after } }) as const;
const CONFIG = JSON.stringify({
  hub: 's',
  devices: [
    device('till-1', '/srv/tills/a'),
    device('till-2', '/srv/50 %', 'delete'),
    device('till-3', '/srv/kept', 'keep'),
    device('till-4', '/home/till/export', 'keep'),
    device('till-5', '/tmp/out'),
  ],
});

test('the lines that the unit lacks are named, until they are there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'units-'));
  try {
    const { devices } = parseConfig(CONFIG, '/etc/store-hub/store.yaml', {}).config;
    expect(serviceNotes(devices, [folder])).toEqual([]);
    cpSync('systemd/store-hub-edge.service', join(folder, 'store-hub-edge.service'));
    const line = (path: string): RegExp => new RegExp(`${path} *$`);
    const [first = '', second = '', third = '', fourth = '', ...more] = serviceNotes(devices, [folder]);
    expect(first).toMatch(
      /^device till-1: .* cannot move files of \/srv\/tills\/a: .*ReadWritePaths=-\/srv\/tills\/a$/,
    );
    expect(second).toMatch(line('ReadWritePaths="-/srv/50 %%"'));
    expect([third, fourth]).toEqual([
      expect.stringContaining('till-4: as a service the hub sees nothing under /home'),
      expect.stringContaining('till-5: as a service the hub sees nothing under /tmp'),
    ]);
    expect(more).toEqual([]);
    mkdirSync(join(folder, 'store-hub-edge.service.d'));
    const added = '[Service]\nReadWritePaths=-/srv/tills "-/srv/50 %%"\n';
    writeFileSync(join(folder, 'store-hub-edge.service.d', 'override.conf'), added);
    expect(serviceNotes(devices, [folder])).toEqual([third, fourth]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
