"""`@footfall/sdk/react-native` before the real gateway, in an engine that lacks what Hermes lacks; and against
the types of React Native itself and its companions."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.fixtures.node import SDK, run
from tests.micro.running import MicroProcess

APP = """\
import { request } from 'node:http';

// Node's own fetch cannot do without URL.
globalThis.fetch = (url, { method, headers, body }) =>
  new Promise((done, failed) => {
    const asked = request(url, { method, headers }, async (answer) => {
      let text = '';
      for await (const part of answer) text += part;
      const get = (name) => answer.headers[name] ?? null;
      done({ status: answer.statusCode, headers: { get }, text: async () => text });
    });
    asked.on('error', failed).end(body);
  });
for (const name of ['URL', 'URLSearchParams', 'navigator', 'CompressionStream']) delete globalThis[name];
AbortSignal.timeout = undefined;
const { FootfallTracker } = await import('@footfall/sdk/react-native');

const items = new Map();
const storage = {
  getAllKeys: async () => [...items.keys()],
  getItem: async (key) => items.get(key) ?? null,
  setItem: async (key, value) => void items.set(key, value),
  removeItem: async (key) => void items.delete(key),
};
const heard = [];
const appState = { currentState: 'active', addEventListener: (_, work) => heard.push(work) };
const sizes = { window: { width: 390.5, height: 800 }, screen: { width: 390, height: 844 } };
const footfall = new FootfallTracker({
  apiKey: 'pub_app', endpoint: process.argv[2], domain: 'app.example.com', consent: 'granted',
  storage, appState, system: { OS: 'android', Version: 34 }, dimensions: { get: (of) => sizes[of] },
});
footfall.screen('Home');
footfall.identify('u-7');
footfall.purchase({ order_id: 'A-1', revenue: 10 });
await new Promise((done) => setTimeout(done, 200));
heard.forEach((work) => work('background'));
"""

# What the documentation names besides its sample.
OTHERS = """\
import { createAsyncStorage } from '@react-native-async-storage/async-storage';
import NetInfo from '@react-native-community/netinfo';
export const newer = new FootfallTracker({
  apiKey: 'pub_app', endpoint: '/', domain: 'app.example.com', appState: AppState, system: Platform,
  storage: createAsyncStorage('footfall'), netInfo: NetInfo,
});
footfall.screen('Cart');
"""
DOCS = Path(__file__).parents[2] / "docs" / "react-native.md"
PACKAGES = {
    "react-native": "0.88.1",
    "react-native-get-random-values": "2.0.0",
    "@react-native-async-storage/async-storage": "3.1.1",
    "@react-native-community/netinfo": "12.0.1",
    "@react-navigation/native": "7.5.1",
}


def test_an_app_becomes_events_of_a_person(project: Path, micro: MicroProcess) -> None:
    (project / "native.mjs").write_text(APP)
    run("native.mjs", micro.url, cwd=project, timeout=30)
    events = {event["name"]: event for event in micro.good()}
    assert set(events) == {"page_view", "identify", "purchase", "page_leave"}
    view = events["page_view"]
    assert (view["url"], view["title"]) == ("https://app.example.com/Home", "Home")
    assert view["client"]["viewport_width"] == 391
    assert view["sdk"].startswith("react-native/")
    assert view["id_kind"] == "identified"
    assert view["enriched"]["bot"] == ""
    device = view["enriched"]["device"]
    assert (device["type"], device["os"], device["os_version"]) == ("mobile", "Android", "14")
    assert events["identify"]["user_id"] == "u-7"
    assert events["purchase"]["order"]["order_id"] == "A-1"
    assert micro.bad() == []


@pytest.mark.drill  # it fetches 230 MB
@pytest.mark.timeout(900)
def test_react_natives_own_types_fit(tarball: Path, tmp_path: Path) -> None:
    versions = json.loads((SDK / "package.json").read_text())["devDependencies"]
    react = {name: versions[name] for name in ("react", "@types/react", "typescript")}
    manifest = {"private": True, "dependencies": {"@footfall/sdk": f"file:{tarball}", **PACKAGES, **react}}
    (tmp_path / "package.json").write_text(json.dumps(manifest))
    sample = re.findall(r"```tsx\n(.*?)```", DOCS.read_text(), re.S)[0]
    (tmp_path / "app.tsx").write_text(
        f"declare const __DEV__: boolean;\n{sample.replace('...', '{null}')}{OTHERS}"
    )
    options = {
        "strict": True, "module": "esnext", "moduleResolution": "bundler", "customConditions": ["react-native"],
        "jsx": "react-jsx", "noEmit": True, "skipLibCheck": True, "target": "es2022", "lib": ["es2022"],
        "types": [],
    }  # fmt: skip
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "include": ["app.tsx"]}))
    install = ("install", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--loglevel=error")
    run("npm", *install, cwd=tmp_path, timeout=600)
    assert run("node_modules/typescript/bin/tsc", "-p", ".", cwd=tmp_path) == ""
