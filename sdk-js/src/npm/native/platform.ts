import type { Answer } from '../../core/delivery';
import type { Platform as Place } from '../../core/tracker';
import type { Batch } from '../../generated/event';
import { type Patient, patient } from '../patient';
import type { Dimensions, System } from './api';
import type { Disk } from './disk';

const TIMEOUT_MS = 2e4;

/** Android tells the level of its API; people, and user agents, know the version. */
const ANDROID: Record<string, string> = {
  23: '6', 24: '7', 25: '7.1', 26: '8', 27: '8.1', 28: '9', 29: '10', 30: '11', 31: '12', 32: '12',
}; // prettier-ignore
const LATER = 20; // from 33 (Android 13) on the level is that much higher
const TABLET_DP = 600; // Android's own border between phones and tablets, of the shorter side

function androidOf(level: string): string {
  return ANDROID[level] ?? (Number(level) > 32 ? String(Number(level) - LATER) : level);
}

/**
 * Who asks, as the gateway's parser reads it: React Native's own say `okhttp` or `CFNetwork`, which are libraries',
 * so their events would be a program's.
 */
export function agentOf({ OS, Version, isPad }: System, sdk: string, screen?: { width: number; height: number }): string {
  const version = String(Version);
  const apart = version.replace(/\./g, '_');
  const tablet = screen && Math.min(screen.width, screen.height) >= TABLET_DP;
  const systems: Record<string, string> = {
    ios: isPad ? `iPad; CPU OS ${apart} like Mac OS X` : `iPhone; CPU iPhone OS ${apart} like Mac OS X`,
    android: `Linux; Android ${androidOf(version)}; ${tablet ? 'Tablet' : 'Mobile'}`,
    macos: `Macintosh; Intel Mac OS X ${apart}`,
    windows: 'Windows NT 10.0; Win64; x64',
  };
  return `Mozilla/5.0 (${systems[OS] ?? OS}) ${sdk}`;
}

function languageOf(): string | undefined {
  try {
    return Intl.DateTimeFormat().resolvedOptions().locale;
  } catch {
    return; // a build without Intl
  }
}

function sizesOf(dimensions?: Dimensions): Partial<Batch> {
  const window = dimensions?.get('window');
  const screen = dimensions?.get('screen');
  return {
    viewport_width: window && Math.round(window.width),
    viewport_height: window && Math.round(window.height),
    screen_width: screen && Math.round(screen.width),
    screen_height: screen && Math.round(screen.height),
  };
}

export interface Needs {
  /** What takes batches, with the site. */
  url: string;
  domain: string;
  system: System;
  dimensions?: Dimensions;
  disk: Disk;
  /** Of a developer's build. */
  dev?: boolean;
  /** The screen in view. */
  screen: () => string;
  sdk: string;
}

/** An app on React Native. */
export function nativePlatform({ url, domain, system, dimensions, disk, dev, screen, sdk }: Needs): Place & Patient {
  return {
    ...patient(async (body): Promise<Answer> => {
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(), TIMEOUT_MS);
      try {
        const headers = {
          'User-Agent': agentOf(system, sdk, dimensions?.get('screen')),
          'Content-Type': 'text/plain',
          ...(dev && { Origin: 'http://localhost' }), // by that the gateway knows developers
        };
        const answer = await fetch(url, { method: 'POST', body, headers, signal: controller.signal });
        return [answer.status, Number(answer.headers.get('retry-after')), await answer.text()];
      } catch {
        return [0];
      } finally {
        clearTimeout(timer);
      }
    }),
    alone: (work) => work(),
    disk: () => disk.box,
    here: () => ({ url: addressOf(domain, screen()), title: screen() }),
    asked: () => false,
    common: () => ({ sdk, language: languageOf(), ...sizesOf(dimensions) }),
  };
}

/** A screen's address: an app has none, so it is made from the site's domain and the screen's name. */
export function addressOf(domain: string, screen: string): string {
  return `https://${domain}/${screen.split('/').map(encodeURIComponent).join('/')}`;
}
