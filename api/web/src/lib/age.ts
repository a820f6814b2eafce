/**
 * How old is what is shown. The server says the age at the moment it sent; the page adds the time since receipt on its own
 * monotonic clock. The wall clock of a tablet is never used: it may be wrong by hours.
 */
import type { Source, SourceState } from "./types";

export const STALE_S = 3;
export const LOST_S = 10;
export const GHOST_S = 60;
/** Pings go every 2 s, so a healthy server is never silent for longer than about that; the page must speak within 4 s. */
export const SERVER_SILENT_S = 3.4;

export type Freshness = "live" | "stale" | "lost" | "ghost" | "unknown";

export function ageAt(age_s: number | null | undefined, received_ms: number, now_ms: number): number | null {
  if (age_s === null || age_s === undefined || !Number.isFinite(age_s)) return null;
  return Math.max(0, age_s) + Math.max(0, now_ms - received_ms) / 1000;
}

export function freshness(age_s: number | null): Freshness {
  if (age_s === null) return "unknown";
  if (age_s > GHOST_S) return "ghost";
  if (age_s > LOST_S) return "lost";
  return age_s > STALE_S ? "stale" : "live";
}

/** The worse of what the server said and what the age has become since; a source never looks better than either. */
export function sourceState(source: Source, age_s: number | null): SourceState {
  if (source.state === "off" || source.state === "never" || source.state === "lost") return source.state;
  const fresh = freshness(age_s);
  if (fresh === "lost" || fresh === "ghost") return "lost";
  return fresh === "stale" ? "stale" : source.state;
}
