/** Of React Native and its usual companions only what is used here, as their documentation has it. */

/** AsyncStorage (`@react-native-async-storage/async-storage`), or another store of texts. */
export interface Storage {
  getAllKeys(): Promise<readonly string[]>;
  getItem(key: string): Promise<string | null>;
  setItem(key: string, value: string): Promise<void>;
  removeItem(key: string): Promise<void>;
}

/** React Native's `AppState`: `active` while the app is in front. */
export interface AppState {
  readonly currentState?: string | null;
  addEventListener(type: 'change', heard: (state: string) => void): unknown;
}

/** React Native's `Platform`. */
export interface System {
  readonly OS: string;
  readonly Version: string | number;
  readonly isPad?: boolean;
}

/** React Native's `Dimensions`; sizes in density-independent pixels. */
export interface Dimensions {
  get(of: 'window' | 'screen'): { width: number; height: number };
}

/** NetInfo (`@react-native-community/netinfo`). */
export interface NetInfo {
  addEventListener(heard: (state: { isConnected: boolean | null }) => void): unknown;
}

/** React Navigation's reference to its container. */
export interface Navigation {
  addListener(type: 'state', heard: () => void): unknown;
  getCurrentRoute(): { name: string } | undefined;
}
