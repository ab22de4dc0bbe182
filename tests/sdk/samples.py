"""Programs that users of the package could write; each line that must not compile says so."""

USES = """\
import {
  type Event, FootfallTracker, type Name, type Platform, type Props, type Settings,
  addToCart, consent, identify, init, optOut, page, purchase, reset, track, use,
} from '@footfall/sdk';

const settings: Settings = { site: 'pub_shop', endpoint: 'https://stats.example.com', consent: 'pending' };
init({ ...settings, off: ['forms'], with: ['vitals'] });
track('signup', { plan: 'team', seats: 3, trial: true, code: null });
track('search', undefined, { search: { term: 'shoe', results: 2 } });
page({ title: 'Checkout' });
identify('u1');
consent('granted');
addToCart({ item_id: 'shoe', price: 59.9, quantity: 1 });
purchase({ transaction_id: 'A-1', value: 59.9, currency: 'EUR', items: [{ item_id: 'shoe' }] });
reset();
optOut(false);
use((tracker) => tracker.track('mine', { at: tracker.at }));

const known: Name = 'purchase';
const own: Name = 'own';
const props: Props = { known, own };
const shown = (event: Event): string | undefined => event.order?.order_id;
const nowhere: Platform = () => undefined;
new FootfallTracker({ apiKey: 'pub_other', endpoint: '/s/collect', platform: nowhere }).track('seen', props);
export const result = shown({ name: 'x' });

// @ts-expect-error the endpoint is missing
init({ site: 'pub_shop' });
// @ts-expect-error no such state
consent('maybe');
// @ts-expect-error a prop is a text, a number or a truth
track('signup', { plan: { name: 'team' } });
// @ts-expect-error no such field of an order
purchase({ order_id: 'A-1', amount: 59.9 });
// @ts-expect-error no such capture
init({ site: 'pub_shop', endpoint: '/', off: ['everything'] });
"""

# Every further entry, with types alone.
ENTRIES = """\
import { FootfallTracker as Main, type MainSettings } from '@footfall/sdk/electron/main';
import { expose } from '@footfall/sdk/electron/preload';
import { init as begin } from '@footfall/sdk/electron/renderer';
import { FootfallTracker as Server, type Report } from '@footfall/sdk/node';
import { footfallMicro } from '@footfall/sdk/playwright';
import { FootfallProvider, useFootfall } from '@footfall/sdk/react';
import { type AppSettings, FootfallTracker as App } from '@footfall/sdk/react-native';

const server = new Server({ apiKey: 'sk_a_b', endpoint: 'https://stats.example.com', closeOn: ['SIGTERM'] });
server.track('purchase', { visitor_id: 'v', order: { order_id: 'A-1', revenue: 10 } });
export const report: Promise<Report> = server.close({ timeout: 1000 });
export const Shop = () => <FootfallProvider site="pub_shop" endpoint="/">shop</FootfallProvider>;
export const Pay = () => <button onClick={() => useFootfall().purchase({ order_id: 'A-1' })}>Pay</button>;

export const windows = (settings: MainSettings) => new Main(settings).close();
export const app = (settings: AppSettings) => new App(settings).screen('Home');
export const bought = () => footfallMicro().expectEvent('purchase', { order: { order_id: 'A-1' } });
export { begin, expose };

// @ts-expect-error the endpoint is missing
export const Wrong = () => <FootfallProvider site="pub_shop" />;
// @ts-expect-error no such field
server.track('purchase', { order: { amount: 1 } });
"""

# A page that is made on a server first: nothing is counted there, and nothing throws.
ON_A_SERVER = """\
let asked = 0;
globalThis.fetch = () => { asked++; return Promise.reject(new Error('none')); };
sdk.track('before');
sdk.init({ site: 'pub_shop', endpoint: 'https://stats.example.com', consent: 'granted', with: ['vitals'] });
sdk.track('after'); sdk.page(); sdk.identify('u'); sdk.consent('granted'); sdk.purchase({ order_id: 'A' });
sdk.flush(); sdk.reset(); sdk.optOut();
new sdk.FootfallTracker({ apiKey: 'pub_x', endpoint: '/' }).track('x');
console.log(JSON.stringify({ asked, names: Object.keys(sdk).sort(), kept: typeof globalThis.footfall }));
"""

# Asks both judges of packages about the tarball; what they find is printed.
JUDGES = """\
import { readFileSync } from 'node:fs';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';

const bytes = readFileSync(process.argv[2]);
const exact = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
const { messages } = await publint({ pack: { tarball: exact }, strict: true });
const { problems = 'no types', entrypoints } = await checkPackage(createPackageFromTarballData(bytes));
console.log(JSON.stringify({ messages, problems, entries: Object.keys(entrypoints ?? {}) }));
"""

# An app as Vite's users write it.
APP = """\
import { FootfallTracker, init, track } from '@footfall/sdk';

track('before', { early: true });
const settings = { site: 'pub_shop', endpoint: 'MICRO', with: ['vitals', 'errors'] as const };
init(settings);
init(settings);
new FootfallTracker({ apiKey: 'pub_shop', endpoint: 'MICRO' }).track('of the class');
document.querySelector('button')!.addEventListener('click', () => {
  history.pushState(null, '', '/cart');
  track('own');
});
"""

# React Router under StrictMode: a redirect, a query that is rewritten, and what Next.js' App Router does to the
# history: it replaces the state of a page it has just shown, several times.
REACT = """\
import { StrictMode, useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter, Link, Navigate, Route, Routes, useSearchParams } from 'react-router';
import { FootfallProvider, useFootfall } from '@footfall/sdk/react';

function Home() {
  return <Link to="/old">To the shoes</Link>;
}
function Shoes() {
  const [, setParams] = useSearchParams();
  useEffect(() => setParams({ size: '43' }, { replace: true }), []);
  useEffect(() => { document.title = 'Shoes'; });
  return <Link to="/cart">To the cart</Link>;
}
function Cart() {
  const { purchase } = useFootfall();
  useEffect(() => {
    for (const tree of [1, 2, 3]) history.replaceState({ ...history.state, tree }, '', location.href);
  }, []);
  return <a href="#pay" onClick={() => purchase({ order_id: 'A-1', revenue: 59.9 })}>Pay</a>;
}
createRoot(document.getElementById('app')!).render(
  <StrictMode>
    <FootfallProvider site="pub_react" endpoint="MICRO">
      <BrowserRouter>
        <Routes>
          <Route path="/" element={<Home />} />
          <Route path="/old" element={<Navigate to="/shoes" replace />} />
          <Route path="/shoes" element={<Shoes />} />
          <Route path="/cart" element={<Cart />} />
        </Routes>
      </BrowserRouter>
    </FootfallProvider>
  </StrictMode>,
);
"""
