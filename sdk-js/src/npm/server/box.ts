import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Box } from '../../core/delivery';

/** Of files that are ours, whatever else somebody keeps in the directory. */
const ENDING = '.footfall';
/** Of one that is being written. */
const NEW = '.new';

function remove(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // of a batch: it comes again after a restart, and the gateway knows it by its id
  }
}

/** What a file holds; undefined where it was not written to its end. */
function read(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    JSON.parse(text.startsWith('{') ? text + '}' : text); // a batch is without its last brace
    return text;
  } catch {
    remove(file);
    return;
  }
}

function load(directory: string): Map<string, string> {
  const found = new Map<string, string>();
  let names: string[] = [];
  try {
    names = readdirSync(directory);
  } catch {
    // there is none yet
  }
  // Where a process ended while it wrote.
  for (const name of names.filter((name) => name.endsWith(ENDING + NEW))) remove(join(directory, name));
  for (const name of names.filter((name) => name.endsWith(ENDING))) {
    const text = read(join(directory, name));
    if (text) found.set(decodeURIComponent(name.slice(0, -ENDING.length)), text);
  }
  return found;
}

/**
 * A directory as a box: a file for each text, there as a whole or not at all. One process owns it: what it holds is
 * read once. The directory is made with the first file. Setting throws where there is no room, as `localStorage` does.
 */
export function fileBox(directory: string): Box {
  const texts = load(directory);
  const fileOf = (key: string): string => join(directory, encodeURIComponent(key) + ENDING);
  return new Proxy<Box>(
    {},
    {
      ownKeys: () => [...texts.keys()],
      getOwnPropertyDescriptor: (_, key) =>
        texts.has(key as string) ? { value: texts.get(key as string), enumerable: true, configurable: true, writable: true } : undefined,
      get: (_, key) => texts.get(key as string),
      set(_, key, text: string) {
        const file = fileOf(key as string);
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        writeFileSync(file + NEW, text, { mode: 0o600, flush: true });
        renameSync(file + NEW, file);
        texts.set(key as string, text);
        return true;
      },
      deleteProperty(_, key) {
        texts.delete(key as string);
        remove(fileOf(key as string));
        return true;
      },
    },
  );
}
