/** Events of a process that say that it ends. */
export type Ending = 'beforeExit' | 'SIGTERM' | 'SIGINT' | 'SIGHUP';

/**
 * Does the work before the process ends. A signal ends the process afterwards as it would have without us, unless
 * somebody else listens to it: then that is theirs.
 */
export function endingWith(events: readonly Ending[], work: () => Promise<unknown>): void {
  for (const event of events) {
    process.once(event, () => {
      void work().finally(() => {
        if (event != 'beforeExit' && !process.listenerCount(event)) process.kill(process.pid, event);
      });
    });
  }
}
