/** What must be undone at the end, in reverse order, every step attempted whatever the others do. */

export interface Cleanup {
  add(name: string, undo: () => Promise<unknown>): void;
  /** Undoes everything once; what went wrong, as sentences. */
  run(): Promise<string[]>;
}

export function cleanup(): Cleanup {
  const steps: { name: string; undo: () => Promise<unknown> }[] = [];
  return {
    add(name, undo) {
      steps.push({ name, undo });
    },
    async run() {
      const faults: string[] = [];
      for (const { name, undo } of steps.splice(0).reverse()) {
        try {
          await undo();
        } catch (error) {
          faults.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
      return faults;
    },
  };
}
