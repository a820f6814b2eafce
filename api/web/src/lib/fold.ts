/** The picture as a fold over the live channel: state in, message in, next state out. No socket, no clock. */
import type { Coverage, Envelope, Footprint, Hotspot, Status, TrackPoint, VehicleReport } from "./types";

export interface Aged<T> {
  value: T;
  received_ms: number;
}

export interface Picture {
  epoch: string | number | null;
  seq: number;
  status: Aged<Status> | null;
  vehicles: Record<string, Aged<VehicleReport>>;
  tracks: Record<string, TrackPoint[]>;
  footprints: Record<string, Aged<Footprint>>;
  hotspots: Record<string, Hotspot>;
  coverage: Aged<Coverage> | null;
}

export const TRACK_POINTS = 600;
const STEP_M = 2;

export const emptyPicture = (): Picture => ({
  epoch: null,
  seq: -1,
  status: null,
  vehicles: {},
  tracks: {},
  footprints: {},
  hotspots: {},
  coverage: null,
});

export function fold(picture: Picture, message: Envelope, now_ms: number): Picture {
  const seen = { ...picture, epoch: message.epoch, seq: message.seq };
  if (message.topic === "hello") {
    // another epoch is another run of the server: nothing of the old picture may stay beside the new one
    const fresh = picture.epoch !== null && picture.epoch !== message.epoch;
    return fresh ? { ...emptyPicture(), epoch: message.epoch, seq: message.seq } : seen;
  }
  if (message.topic === "snapshot") {
    const start: Picture = { ...emptyPicture(), epoch: message.epoch, seq: message.seq };
    const topics = Object.entries(record(message.data));
    return topics.reduce<Picture>((next, [topic, data]) => take(next, topic, data, now_ms), start);
  }
  return take(seen, message.topic, message.data, now_ms);
}

function take(picture: Picture, topic: string, data: unknown, now_ms: number): Picture {
  const slash = topic.indexOf("/");
  const head = slash < 0 ? topic : topic.slice(0, slash);
  const key = slash < 0 ? "" : topic.slice(slash + 1);
  if (data === null || data === undefined) return picture;
  switch (head) {
    case "status":
      return { ...picture, status: { value: data as Status, received_ms: now_ms } };
    case "vehicle":
      return withVehicle(picture, key, data as VehicleReport, now_ms);
    case "track":
      return { ...picture, tracks: { ...picture.tracks, [key]: (data as TrackPoint[]).slice(-TRACK_POINTS) } };
    case "footprint":
      return {
        ...picture,
        footprints: { ...picture.footprints, [key]: { value: data as Footprint, received_ms: now_ms } },
      };
    case "coverage":
      return { ...picture, coverage: { value: data as Coverage, received_ms: now_ms } };
    case "hotspot":
      return withHotspots(picture, [data as Hotspot]);
    case "hotspots":
      return withHotspots(picture, data as Hotspot[]);
    case "hotspot_gone":
      return withoutHotspot(picture, (data as { id: string }).id);
    default:
      return picture; // a newer server may say more than this page knows
  }
}

function withVehicle(picture: Picture, key: string, report: VehicleReport, now_ms: number): Picture {
  const vehicles = { ...picture.vehicles, [key]: { value: report, received_ms: now_ms } };
  if (report.lat_deg === null || report.lon_deg === null || report.time_s === null) return { ...picture, vehicles };
  const track = picture.tracks[key] ?? [];
  const last = track[track.length - 1];
  // twice a second is enough for a trail, and 600 points then reach at least five minutes of flight back
  if (last && (report.time_s - last[2] < 0.5 || !moved(last, report.lon_deg, report.lat_deg))) return { ...picture, vehicles };
  const point: TrackPoint = [report.lon_deg, report.lat_deg, report.time_s];
  return { ...picture, vehicles, tracks: { ...picture.tracks, [key]: [...track, point].slice(-TRACK_POINTS) } };
}

/** A drone that stands or hovers must not push its flight out of the trail. */
function moved([lon, lat]: TrackPoint, lon_deg: number, lat_deg: number): boolean {
  return Math.hypot((lon_deg - lon) * Math.cos((lat * Math.PI) / 180), lat_deg - lat) * 111_320 > STEP_M;
}

function withHotspots(picture: Picture, features: Hotspot[]): Picture {
  const hotspots = { ...picture.hotspots };
  for (const feature of features) {
    const id = feature.properties.id ?? String(feature.id); // GeoJSON's own id is as good as the property
    hotspots[id] = { ...feature, properties: { ...feature.properties, id } };
  }
  return { ...picture, hotspots };
}

function withoutHotspot(picture: Picture, id: string): Picture {
  const { [id]: _gone, ...hotspots } = picture.hotspots;
  return { ...picture, hotspots };
}

function record(data: unknown): Record<string, unknown> {
  return typeof data === "object" && data !== null ? (data as Record<string, unknown>) : {};
}

/** What needs a person first: unacknowledged, then confirmed, then done; within each the hottest first. */
export function sorted(hotspots: Hotspot[]): Hotspot[] {
  const heat = (h: Hotspot): number => h.properties.peak_c ?? -1000 + (h.properties.contrast_k ?? 0);
  return [...hotspots].sort(
    (a, b) => rank(a) - rank(b) || heat(b) - heat(a) || a.properties.number - b.properties.number,
  );
}

export function rank(hotspot: Hotspot): number {
  const { status, acknowledged_by } = hotspot.properties;
  if (status === "detected") return acknowledged_by ? 1 : 0;
  if (status === "confirmed") return acknowledged_by ? 2 : 1;
  return status === "false_alarm" ? 4 : 3;
}
