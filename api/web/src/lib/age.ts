/**
 * How old is what is shown. The server says the age at the moment it sent; the page adds the time since receipt on its own
 * monotonic clock. The wall clock of a tablet is never used: it may be wrong by hours.
 */
import type { Source, SourceState } from "./types";

export const STALE_S = 3;
export const LOST_S = 10;
export const GHOST_S = 60;
/** Pings go every 2 s, so a healthy server is never silent for longer than about that; the page must speak within 4 s. */
export const SERVER_SILENT_S = 3.0;

export type Freshness = "live" | "stale" | "lost" | "ghost" | "unknown";

export function ageAt(age_s: number | null | undefined, received_ms: number, now_ms: number): number | null {
  if (age_s === null || age_s === undefined || !Number.isFinite(age_s)) return null;
  return Math.max(0, age_s) + Math.max(0, now_ms - received_ms) / 1000;
}

/**
 * How long messages were under way, from the server's own stamps: whatever comes later than the quickest of the last
 * seconds waited somewhere, in the network or before a busy tablet's script. A late message must not look young.
 * A server clock that is set back lets messages look late for as long as the window remembers, never younger.
 */
export class Lateness {
  static readonly WINDOW_MS = 20_000;
  #quickest: { at_ms: number; offset_s: number }[] = []; // falling: the front is the quickest, the rest its successors

  /** Milliseconds that a message stamped `t_srv_s` has waited, when it is read at `now_ms`. */
  of(t_srv_s: number, now_ms: number): number {
    const offset_s = t_srv_s - now_ms / 1000;
    while (this.#quickest.length && (this.#quickest.at(-1)?.offset_s ?? 0) <= offset_s) this.#quickest.pop();
    this.#quickest.push({ at_ms: now_ms, offset_s });
    while ((this.#quickest[0]?.at_ms ?? now_ms) < now_ms - Lateness.WINDOW_MS) this.#quickest.shift();
    return ((this.offset_s ?? offset_s) - offset_s) * 1000;
  }

  /** The server's UTC seconds minus our monotonic ones, by the quickest message; null before the first. */
  get offset_s(): number | null {
    return this.#quickest[0]?.offset_s ?? null;
  }
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
