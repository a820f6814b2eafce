/** What the page knows, as runes. All freshness is judged here, against one ticking monotonic clock. */
import { ageAt, freshness, Lateness, LOST_S, SERVER_SILENT_S, sourceState, STALE_S, type Freshness } from "./age";
import { emptyPicture, fold, sorted, type Picture } from "./fold";
import { clockTime, isoSeconds, number } from "./format";
import { LiveChannel } from "./live";
import type { Hotspot, Mode, Source, SourceState, VehicleReport } from "./types";
import { t, words } from "./words.svelte";

export interface ShownSource {
  source: Source;
  state: SourceState;
  age_s: number | null;
}

export interface Notice {
  level: "amber" | "red";
  name: string;
  text: string;
}

class App {
  picture = $state.raw<Picture>(emptyPicture());
  now_ms = $state(performance.now());
  heard_ms = $state<number | null>(null);
  socketOpen = $state(false);
  selected = $state<string | null>(null);
  videoLarge = $state(false);
  basemap = $state<"loading" | "ok" | "failed">("loading");
  /** UTC seconds of the server minus our monotonic seconds, by the quickest envelope. */
  #serverOffset: number | null = $state(null);
  #began_ms = performance.now();
  #lateness = new Lateness();

  start(): void {
    new LiveChannel({
      message: (envelope, now_ms) => {
        if (envelope.topic === "hello" && envelope.epoch !== this.picture.epoch) this.#lateness = new Lateness();
        const late_ms = Number.isFinite(envelope.t_srv) ? this.#lateness.of(envelope.t_srv, now_ms) : 0;
        this.picture = fold(this.picture, envelope, now_ms - late_ms);
        this.#serverOffset = this.#lateness.offset_s;
      },
      heard: (now_ms) => {
        this.heard_ms = this.now_ms = now_ms;
        this.socketOpen = true;
      },
      closed: () => {
        this.socketOpen = false;
        this.now_ms = performance.now();
      },
      position: () => (this.picture.epoch === null ? null : { epoch: this.picture.epoch, seq: this.picture.seq }),
    }).start();
    setInterval(() => (this.now_ms = performance.now()), 250);
  }

  /** False as soon as the socket is gone or the server has been silent for longer than a ping may take. */
  serverAlive = $derived.by(() => {
    if (this.heard_ms === null) return false;
    return this.socketOpen && (this.now_ms - this.heard_ms) / 1000 <= SERVER_SILENT_S;
  });

  /** Nothing heard yet, but the page was opened only a moment ago: not an alarm. */
  starting = $derived(this.heard_ms === null && this.now_ms - this.#began_ms < 3000);

  mode = $derived<Mode | null>(this.picture.status?.value.mode ?? null);
  replay = $derived(this.mode === "wiedergabe");
  serverNow_s = $derived(this.#serverOffset === null ? null : this.#serverOffset + this.now_ms / 1000);

  /** The time that the clock shows: now, or in a replay the recording's. */
  shownTime_s = $derived(this.replay ? (this.picture.status?.value.replay_time_s ?? null) : this.serverNow_s);
  heardAt_s = $derived(this.heard_ms === null || this.#serverOffset === null ? null : this.#serverOffset + this.heard_ms / 1000);

  sources = $derived.by<ShownSource[]>(() => {
    const status = this.picture.status;
    if (!status) return [];
    return status.value.sources.map((source) => {
      const age_s = ageAt(source.age_s, status.received_ms, this.now_ms);
      return { source, age_s, state: this.serverAlive ? sourceState(source, age_s) : "lost" };
    });
  });

  vehicles = $derived(
    Object.values(this.picture.vehicles)
      .map(({ value, received_ms }) => {
        // a snapshot may repeat an old report: the telemetry source's own age is then the truer one
        const told = this.sources.find((s) => s.source.kind === "telemetry" && s.source.vehicle === value.vehicle);
        const age_s = oldest(ageAt(value.age_s, received_ms, this.now_ms), told?.age_s ?? null);
        return { report: value, age_s, freshness: this.#vehicleFreshness(value, age_s) };
      })
      .sort((a, b) => a.report.vehicle - b.report.vehicle),
  );

  #vehicleFreshness(report: VehicleReport, age_s: number | null): Freshness {
    const own = freshness(age_s);
    if (!this.serverAlive) return own === "ghost" ? "ghost" : "lost";
    const told = this.sources.find((s) => s.source.kind === "telemetry" && s.source.vehicle === report.vehicle)?.state;
    if (own === "live" && told === "stale") return "stale";
    return told === "lost" && own !== "ghost" ? "lost" : own;
  }

  // The parts by themselves: what hangs on one of them is not made anew for a message about another.
  found = $derived(this.picture.hotspots);
  reports = $derived(this.picture.vehicles);
  tracks = $derived(this.picture.tracks);
  footprints = $derived(this.picture.footprints);
  coverage = $derived(this.picture.coverage);

  hotspots = $derived<Hotspot[]>(sorted(Object.values(this.found)));
  unacknowledged = $derived(
    this.hotspots.filter((h) => !h.properties.acknowledged_by && h.properties.status === "detected").length,
  );

  detectionRuns = $derived.by(() => {
    if (!this.serverAlive || !this.picture.coverage?.value.detection_running) return false;
    const told = this.sources.filter((s) => s.source.kind === "detection");
    return told.length === 0 || told.some((s) => s.state === "live" || s.state === "stale");
  });

  /** Why no detection speaks, where the server knows it: a daylight camera, a picture without a place, another size. */
  blindness = $derived(
    this.sources.filter((s) => s.source.kind === "detection" && s.state !== "live").map((s) => this.#told(s.source)).find((told) => told !== null) ?? null,
  );

  notices = $derived.by<Notice[]>(() => {
    const several = this.sources.filter((s) => s.source.kind === "video").length > 1 || this.vehicles.length > 1;
    const bad = (kind: string, vehicle: number | null): SourceState | undefined =>
      this.sources.find((s) => s.source.kind === kind && s.source.vehicle === vehicle && s.state !== "live")?.state;
    const found = this.sources.flatMap((shown): Notice[] => {
      const { kind, vehicle } = shown.source;
      // one cause, one line: a dead link takes its telemetry with it
      if (kind === "link" && bad("telemetry", vehicle) === shown.state) return [];
      const text = this.#noticeText(shown);
      if (!text || !this.serverAlive) return [];
      const level = shown.state === "stale" ? "amber" : "red";
      const both = kind === "telemetry" && bad("link", vehicle) === shown.state;
      const where = several && vehicle !== null ? ` ${t("of_vehicle", { vehicle })}` : "";
      const name = both ? t("link_and_telemetry") + where : sourceName(shown.source, several || kind === "video");
      return [{ level, name, text }];
    });
    for (const { value } of Object.values(this.picture.vehicles)) {
      if (!value.notice || !this.serverAlive) continue;
      const { kind, flight_mode: mode, words: said } = value.notice;
      const text = words.find(`notice_${kind}`) ?? kind;
      const level = ["auto_unproven", "failsafe_took_over", "traffic"].includes(kind) ? "red" : "amber";
      found.push({ level, name: t("of_vehicle", { vehicle: value.vehicle }), text: [text, mode, said].filter(Boolean).join(" – ") });
    }
    const missing = this.picture.status?.value.recording?.not_recorded ?? 0;
    if (missing > 0) found.push({ level: "red", name: t("source_recording"), text: t("recording_missing", { n: missing }) });
    return merged(found).sort((a, b) => Number(b.level === "red") - Number(a.level === "red"));
  });

  #noticeText({ source, state, age_s }: ShownSource): string | null {
    if (state !== "stale" && state !== "lost") return null;
    // a server that is silent for a moment says nothing about its disk
    if (source.kind === "recording" && (source.text || state === "lost")) return this.#told(source) ?? t("recording_lost");
    if (state === "lost") return this.#lostText(source, age_s);
    const old = this.replay || age_s === null || age_s <= STALE_S ? null : t("data_old", { age: ageText(age_s) });
    // the cause first, where the server knows it: "Bild eingefroren – Daten 6 s alt"
    return [this.#told(source), old].filter((part) => part !== null).join(" – ") || t("state_lost");
  }

  #lostText(source: Source, age_s: number | null): string {
    const at = age_s === null || this.serverNow_s === null ? null : this.serverNow_s - age_s;
    const time = clockTime(this.replay ? this.shownTime_s : at, words.locale);
    if (source.kind === "video") return t("video_lost", { time });
    if (source.kind === "detection") return age_s === null ? t("no_statement") : t("detection_lost", { age: ageText(age_s) });
    const last = this.picture.vehicles[String(source.vehicle)]?.value;
    if (source.kind === "telemetry" && last?.time_s) {
      return t("position_lost", { time: clockTime(last.time_s, words.locale) });
    }
    return at === null ? t("state_lost") : t("state_lost_at", { time });
  }

  #told(source: Source): string | null {
    return (source.text_key && words.find(source.text_key)) || (source.text && words.find(`trouble_${source.text}`)) || source.text || null;
  }

  /** The age of a hotspot in words; in a replay the recording's time, for an age would be a lie. */
  seenText(hotspot: Hotspot): string {
    const seen = isoSeconds(hotspot.properties.last_seen);
    if (seen === null) return t("age_s", { n: "–" });
    if (this.replay || this.serverNow_s === null) return t("at_time", { time: clockTime(seen, words.locale) });
    return t("ago", { age: ageText(Math.max(0, this.serverNow_s - seen)) });
  }
}

/** What is said of several sources in the same words is said once: the map under it is needed. */
export function merged(notices: Notice[]): Notice[] {
  const byText = new Map<string, Notice>();
  for (const notice of notices) {
    const key = `${notice.level}${notice.text}`;
    const before = byText.get(key);
    byText.set(key, before ? { ...before, name: `${before.name}, ${notice.name}` } : notice);
  }
  return [...byText.values()];
}

function oldest(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.max(a, b);
}

export function ageText(age_s: number | null): string {
  if (age_s === null) return "–";
  if (age_s < 100) return t("age_s", { n: number(Math.floor(age_s), 0, words.locale) });
  if (age_s < 5400) return t("age_min", { n: Math.floor(age_s / 60) });
  return t("age_h", { h: Math.floor(age_s / 3600), m: String(Math.floor((age_s % 3600) / 60)).padStart(2, "0") });
}

export function areaText(area_m2: number | null | undefined): string {
  if (area_m2 === null || area_m2 === undefined) return "–";
  if (area_m2 < 1000) return t("area_m2", { n: number(area_m2, 0, words.locale) });
  return t("area_ha", { n: number(area_m2 / 10000, area_m2 < 10000 ? 2 : 1, words.locale) });
}

export function sourceName(source: Source, long = true): string {
  const name = t(`source_${source.kind}`);
  if (!long) return name;
  if (source.camera !== null) return `${name} ${t("of_camera", { camera: source.camera })}`;
  return source.vehicle === null ? name : `${name} ${t("of_vehicle", { vehicle: source.vehicle })}`;
}

export { LOST_S, STALE_S };
export const app = new App();
