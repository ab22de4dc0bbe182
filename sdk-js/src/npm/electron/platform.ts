import { join } from 'node:path';
import type { Answer, Box } from '../../core/delivery';
import type { Platform } from '../../core/tracker';
import { type Patient, patient } from '../patient';
import { fileBox } from '../server/box';
import { posting } from '../server/post';
import type { ElectronMain } from './api';
import type { Common } from './messages';

/** Set when built. */
declare const VERSION: string;

/** What windows say about themselves and the visitor. */
export interface Told {
  common: Common;
  asked: boolean;
}

export interface MainPlatform extends Platform, Patient {
  told: Told;
  /** Resolves once nothing is under way. */
  landed: () => Promise<unknown>;
}

/** The main process: sends with Chromium's network (so through the user's proxy), keeps what waits in `userData`. */
export function mainPlatform({ app, net }: ElectronMain, url: string, domain: string): MainPlatform {
  const post = posting(url, {}, (target, init) => net.fetch(target as string, init));
  const flying = new Set<Promise<Answer>>();
  let box: Box | undefined;
  const platform: MainPlatform = {
    told: { common: {}, asked: false },
    landed: () => Promise.all(flying),
    ...patient(async (body) => {
      if (!net.isOnline()) return [0];
      const sent = post.send(body);
      flying.add(sent);
      const answer = await sent;
      flying.delete(sent);
      return answer;
    }),
    alone: (work) => work(),
    disk: () => (box ??= fileBox(join(app.getPath('userData'), 'footfall'))),
    here: () => ({ url: `https://${domain}/`, title: app.getName() }),
    asked: () => platform.told.asked,
    common: () => ({ language: app.getLocale(), ...platform.told.common, sdk: 'electron/' + VERSION }),
  };
  return platform;
}
