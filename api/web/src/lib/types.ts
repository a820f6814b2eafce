/** What travels between the server and the page. Times are UTC seconds; ages are the server's, at `t_srv`. */

export type Mode = "einsatz" | "uebung" | "demo" | "wiedergabe";
export type SourceKind = "link" | "telemetry" | "video" | "detection" | "recording";
export type SourceState = "live" | "stale" | "lost" | "never" | "off";

export interface Source {
  id: string;
  kind: SourceKind;
  vehicle: number | null;
  camera: string | null;
  state: SourceState;
  age_s: number | null;
  since_s: number | null;
  text_key?: string | null;
  text?: string | null;
}

export interface Status {
  mode: Mode;
  incident: { name: string; title: string; started_s: number | null } | null;
  server_time_s: number;
  sources: Source[];
  queues: { name: string; lost: number; length: number; bound: number }[];
  recording: { ok: boolean; not_recorded: number } | null;
  replay_time_s: number | null;
}

export interface VehicleReport {
  vehicle: number;
  time_s: number | null;
  age_s: number | null;
  lat_deg: number | null;
  lon_deg: number | null;
  heading_deg: number | null;
  height_above_ground_m: number | null;
  height_reason?: string | null;
  height_above_home_m: number | null;
  alt_amsl_m: number | null;
  ground_speed_m_s: number | null;
  mode: string | null;
  armed: boolean | null;
  landed: boolean | string | null;
  battery: { remaining_pct: number | null; voltage_v: number | null; current_a: number | null } | null;
  gps: { fix: number | string | null; satellites: number | null; h_acc_m: number | null } | null;
  mission: { current: number | null; total: number | null; state: number | string | null } | null;
  texts?: unknown[];
  /** Somebody else has the aircraft, or something about it needs a person. */
  notice?: { kind: string; flight_mode: string; words: string; age_s: number } | null;
  ekf_ok: boolean | null;
}

export type TrackPoint = [lon: number, lat: number, time_s: number];

export interface Footprint {
  polygon: [number, number][] | null;
  time_s: number | null;
  reason?: string | null;
}

export interface Ellipse {
  semi_major_m: number;
  semi_minor_m: number;
  azimuth_deg: number;
}

export interface HotspotProperties {
  id: string;
  number: number;
  kind: string;
  status: string;
  vehicle: number;
  camera: string;
  peak_c: number | null;
  peak_sigma_k?: number | null;
  peak_is_lower_bound?: boolean;
  contrast_k?: number | null;
  area_m2?: number | null;
  first_seen: string | null;
  last_seen: string | null;
  sightings?: number;
  ellipse95: Ellipse | null;
  ellipse_polygon?: [number, number][] | null;
  utmref?: string | null;
  trend?: string | null;
  acknowledged_by?: string | null;
}

export interface Hotspot {
  type: "Feature";
  id?: string | number;
  geometry: { type: "Point"; coordinates: number[] } | null;
  properties: HotspotProperties;
}

export interface Coverage {
  frames: number;
  area_m2: number;
  since_s: number | null;
  last_s: number | null;
  cameras?: string[];
  polygon: GeoJSON.MultiPolygon | GeoJSON.Polygon | null;
  /** What the thermal map holds; null while there is none. `unit` is "°C" or "grey". */
  thermal_map?: { unit: string; frames: number; last_s: number } | null;
  detection_running: boolean;
  statement_key?: string | null;
}

export interface Envelope {
  v: number;
  epoch: string | number;
  seq: number;
  topic: string;
  t_obs: number | null;
  t_srv: number;
  data: unknown;
}

export interface VideoHeader {
  seq: number;
  time_s: number | null;
  age_s: number | null;
  width: number;
  height: number;
  min_c: number | null;
  max_c: number | null;
  frozen: boolean;
  mode?: Mode;
  legend?: [number, string][];
}
