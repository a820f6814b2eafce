/** Numbers and times for people: decimal comma in German, 24 h, Europe/Berlin. Unknown is "–", never 0. */

export const UNKNOWN = "–";
const ZONE = "Europe/Berlin";

export function number(value: number | null | undefined, digits: number, locale: string): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  const rounded = value === 0 || Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value; // no "-0"
  return rounded
    .toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits })
    .replace("-", "−");
}

export function clockTime(utc_s: number | null | undefined, locale: string, seconds = true): string {
  if (utc_s === null || utc_s === undefined || !Number.isFinite(utc_s)) return UNKNOWN;
  return new Date(utc_s * 1000).toLocaleTimeString(locale, {
    timeZone: ZONE,
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
    ...(seconds ? { second: "2-digit" } : {}),
  });
}

export function dateText(utc_s: number | null | undefined, locale: string): string {
  if (utc_s === null || utc_s === undefined || !Number.isFinite(utc_s)) return UNKNOWN;
  const options = { timeZone: ZONE, day: "2-digit", month: "2-digit", year: "numeric" } as const;
  return new Date(utc_s * 1000).toLocaleDateString(locale, options);
}

/** UTC seconds of an ISO 8601 time, or null. */
export function isoSeconds(text: string | null | undefined): number | null {
  const ms = text ? Date.parse(text) : NaN;
  return Number.isFinite(ms) ? ms / 1000 : null;
}

/** "32U LB 45343 99973" stays readable when a line is short: the parts are kept together. */
export function utmrefParts(text: string): string[] {
  return text.trim().split(/\s+/);
}

/** What was dropped, by the kind of queue: "frames:1/100" and "frames:2/100" are both "frames". */
export function lossesByKind(queues: readonly { name: string; lost: number }[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const { name, lost } of queues) {
    const kind = name.split(":", 1)[0]!;
    if (lost > 0) sums.set(kind, (sums.get(kind) ?? 0) + lost);
  }
  return [...sums];
}
