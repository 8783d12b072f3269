/** What commands share: the configuration that `--config` names, stop signals, and numbers on the command line. */
import { type Command, InvalidArgumentError } from 'commander';
import { type LoadedConfig, loadConfig } from '../../config/loader.ts';
import type { StoreConfig } from '../../config/schema.ts';
import { HubError } from '../contracts/errors.ts';

/** The file that `--config` names; undefined: one of the default files. */
function configFileOf(command: Command): string | undefined {
  const { config } = command.optsWithGlobals<{ config?: string }>();
  return config;
}

/** Throws ConfigError. */
export function configOf(command: Command): LoadedConfig {
  return loadConfig(configFileOf(command));
}

export type CloudConfig = NonNullable<StoreConfig['cloud']>;

/** Throws HubError CLOUD_MISSING. */
export function cloudOf(command: Command): CloudConfig {
  const { config, file } = configOf(command);
  if (config.cloud === undefined) throw new HubError('CLOUD_MISSING', `${file} has no section cloud`);
  return config.cloud;
}

/** Aborted by the first SIGTERM or SIGINT; a second one ends the process as usual. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const onSignal = (): void => {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
    stop.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return stop.signal;
}

/** An option that is a whole number in a range. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** An option that is a number in a range. */
export function inRange(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`);
  };
}

/** An option that is one of some names. */
export function oneOf<T extends string>(names: readonly T[]): (text: string) => T {
  return (text) => {
    const name = names.find((known) => known === text);
    if (name !== undefined) return name;
    throw new InvalidArgumentError(`It must be one of ${names.join(', ')}.`);
  };
}
