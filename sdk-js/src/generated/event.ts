export interface Event { name: string; event_id?: string; occurred_at?: number; url?: string; referrer?: string; title?: string; session_id?: string; user_id?: string }
export interface Batch { sdk?: string; language?: string; viewport_width?: number; viewport_height?: number; screen_width?: number; screen_height?: number }
export type Props = Record<string, string|number|boolean|null>;
