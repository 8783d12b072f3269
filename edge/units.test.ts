import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../device-sims/harness/need-tools.ts';
import { projectRoot } from '../device-sims/harness/project.ts';

const UNITS = ['store-hub-edge.service', 'store-hub-bridge.service'];
const MOST_EXPOSURE = 2.0;

const unitText = (name: string) => readFileSync(join(projectRoot(), 'systemd', name), 'utf8');

describeWith('systemd-analyze')('the units', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'store-hub-units-'));
    // As after an installation: the command is there.
    for (const name of UNITS)
      writeFileSync(join(folder, name), unitText(name).replaceAll('/usr/bin/store-hub', process.execPath));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(UNITS)('%s is accepted without a word', (name) => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(folder, name)], {
      encoding: 'utf8',
    });
    expect([status, stdout, stderr.split('\n').filter((line) => line.includes(name))]).toEqual([0, '', []]);
  });

  test.each(UNITS)(`%s is exposed to at most ${MOST_EXPOSURE}`, (name) => {
    const report = execFileSync('systemd-analyze', ['security', '--offline=true', join(folder, name)], {
      encoding: 'utf8',
    });
    const exposure = /Overall exposure level for \S+: (\d+\.\d)/.exec(report)?.[1];
    expect(Number(exposure)).toBeLessThanOrEqual(MOST_EXPOSURE);
  });
});

test.each(UNITS)('%s restarts for ever, leaves no core, and stops before systemd loses patience', (name) => {
  const text = unitText(name);
  for (const line of [
    'Type=notify',
    'NotifyAccess=all',
    'Restart=always',
    'StartLimitIntervalSec=0',
    'LimitCORE=0',
    'TimeoutStopSec=15',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
  expect(text).toContain(name.includes('edge') ? 'WatchdogSec=180' : 'WatchdogSec=60');
});
