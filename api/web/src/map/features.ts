/** The picture as GeoJSON for the map's layers. Pure. */
import type { Freshness } from "../lib/age";
import { rank, type Picture } from "../lib/fold";
import type { Hotspot, VehicleReport } from "../lib/types";

type Collection = GeoJSON.FeatureCollection;
const collection = (features: GeoJSON.Feature[]): Collection => ({ type: "FeatureCollection", features });

/** Above this semi-major axis a hotspot is an area, not a point. */
export const WIDE_M = 25;
const EARTH_M = 6371008.8;

export function hotspotFeatures(hotspots: Hotspot[], selected: string | null): { points: Collection; ellipses: Collection } {
  const points: GeoJSON.Feature[] = [];
  const ellipses: GeoJSON.Feature[] = [];
  for (const hotspot of hotspots) {
    const { geometry, properties: p } = hotspot;
    if (!geometry) continue;
    const wide = (p.ellipse95?.semi_major_m ?? 0) > WIDE_M;
    const isSelected = p.id === selected;
    const shape = p.status === "confirmed" ? "confirmed" : rank(hotspot) <= 1 ? "detected" : "done";
    const icon = `hotspot-${shape}${isSelected ? "-selected" : ""}`;
    const shown = { id: p.id, number: String(p.number), wide, icon, order: isSelected ? 9 : 8 - rank(hotspot), selected: isSelected };
    points.push({ type: "Feature", properties: shown, geometry });
    const ring = p.ellipse_polygon ?? ellipseRing(hotspot);
    if (ring) ellipses.push({ type: "Feature", properties: shown, geometry: { type: "Polygon", coordinates: [ring] } });
  }
  return { points: collection(points), ellipses: collection(ellipses) };
}

/** The ellipse as a ring of lon/lat, for a server that sends none. */
export function ellipseRing(hotspot: Hotspot): [number, number][] | null {
  const ellipse = hotspot.properties.ellipse95;
  const [lon, lat] = hotspot.geometry?.coordinates ?? [];
  if (!ellipse || lon === undefined || lat === undefined) return null;
  const azimuth = (ellipse.azimuth_deg * Math.PI) / 180;
  const metre = 180 / (Math.PI * EARTH_M);
  return Array.from({ length: 49 }, (_, i): [number, number] => {
    const a = (-2 * Math.PI * (i % 48)) / 48; // azimuths run clockwise; a ring runs the other way
    const along = ellipse.semi_major_m * Math.cos(a);
    const across = ellipse.semi_minor_m * Math.sin(a);
    const north = along * Math.cos(azimuth) - across * Math.sin(azimuth);
    const east = along * Math.sin(azimuth) + across * Math.cos(azimuth);
    return [lon + (east * metre) / Math.cos((lat * Math.PI) / 180), lat + north * metre];
  });
}

export interface ShownVehicle {
  report: VehicleReport;
  freshness: Freshness;
}

export function droneFeatures(vehicles: ShownVehicle[], name: (vehicle: number) => string): Collection {
  return collection(
    vehicles.flatMap(({ report: v, freshness }): GeoJSON.Feature[] => {
      if (v.lat_deg === null || v.lon_deg === null) return [];
      const icon = `drone-${freshness === "unknown" ? "ghost" : freshness}`;
      const properties = { vehicle: v.vehicle, heading: v.heading_deg ?? 0, icon, label: name(v.vehicle) };
      return [{ type: "Feature", properties, geometry: { type: "Point", coordinates: [v.lon_deg, v.lat_deg] } }];
    }),
  );
}

export function trackFeatures(picture: Picture): Collection {
  return collection(
    Object.entries(picture.tracks).flatMap(([vehicle, points]): GeoJSON.Feature[] => {
      const last = picture.vehicles[vehicle]?.value;
      const coordinates = points.map(([lon, lat]) => [lon, lat]);
      if (last?.lon_deg != null && last.lat_deg != null) coordinates.push([last.lon_deg, last.lat_deg]);
      if (coordinates.length < 2) return [];
      return [{ type: "Feature", properties: { vehicle }, geometry: { type: "LineString", coordinates } }];
    }),
  );
}

export function footprintFeatures(picture: Picture, live: boolean): Collection {
  return collection(
    Object.entries(picture.footprints).flatMap(([camera, { value }]): GeoJSON.Feature[] => {
      const first = value.polygon?.[0];
      if (!value.polygon || !first || value.polygon.length < 3) return [];
      const geometry: GeoJSON.Polygon = { type: "Polygon", coordinates: [[...value.polygon, first]] };
      return [{ type: "Feature", properties: { camera, live }, geometry }];
    }),
  );
}

export function coverageFeatures(picture: Picture): Collection {
  const geometry = picture.coverage?.value.polygon;
  return collection(geometry ? [{ type: "Feature", properties: {}, geometry }] : []);
}

export type Bounds = [west: number, south: number, east: number, north: number];

export function boundsOf(...collections: Collection[]): Bounds | null {
  const box: Bounds = [Infinity, Infinity, -Infinity, -Infinity];
  const walk = (c: unknown): void => {
    if (!Array.isArray(c)) return;
    if (typeof c[0] === "number" && typeof c[1] === "number") {
      box[0] = Math.min(box[0], c[0]);
      box[1] = Math.min(box[1], c[1]);
      box[2] = Math.max(box[2], c[0]);
      box[3] = Math.max(box[3], c[1]);
    } else c.forEach(walk);
  };
  for (const { features } of collections) {
    for (const { geometry } of features) if (geometry && "coordinates" in geometry) walk(geometry.coordinates);
  }
  return Number.isFinite(box[0]) ? box : null;
}

/** The same middle, and at least so many metres from edge to edge. */
export function atLeast(bounds: Bounds, metres: number): Bounds {
  const [west, south, east, north] = bounds;
  const tall = (metres * 180) / (Math.PI * EARTH_M);
  const wide = tall / Math.cos((((south + north) / 2) * Math.PI) / 180);
  const x = Math.max(0, wide - (east - west)) / 2;
  const y = Math.max(0, tall - (north - south)) / 2;
  return [west - x, south - y, east + x, north + y];
}
