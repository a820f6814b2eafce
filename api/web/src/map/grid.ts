/** The UTM grid as GeoJSON for what is in view: the map is never blank, with or without a base map. */
import { geoFromUtm, utmFromGeo, zoneOf } from "../lib/utm";

export interface View {
  west: number;
  south: number;
  east: number;
  north: number;
}

const STEPS = [10, 100, 1000, 10000, 100000] as const;
const MOST_LINES = 25;

export function spacing(extent_m: number): number {
  return STEPS.find((step) => extent_m / step <= MOST_LINES) ?? 100000;
}

/** Digits of a UTMREF axis at this spacing: "453" at 100 m. Empty from 100 km on. */
export function gridLabel(value_m: number, step_m: number): string {
  const digits = 5 - Math.round(Math.log10(step_m));
  if (digits <= 0) return "";
  const inSquare = ((value_m % 100000) + 100000) % 100000;
  return String(Math.round(inSquare / step_m)).padStart(digits, "0");
}

export function gridFeatures(view: View): GeoJSON.FeatureCollection {
  const lat = (view.south + view.north) / 2;
  const zone = zoneOf((view.west + view.east) / 2);
  const corners = [
    utmFromGeo(view.south, view.west, zone),
    utmFromGeo(view.north, view.west, zone),
    utmFromGeo(view.south, view.east, zone),
    utmFromGeo(view.north, view.east, zone),
  ];
  const es = corners.map((c) => c[0]);
  const ns = corners.map((c) => c[1]);
  const box = { e0: Math.min(...es), e1: Math.max(...es), n0: Math.min(...ns), n1: Math.max(...ns) };
  const step = spacing(Math.max(box.e1 - box.e0, box.n1 - box.n0));
  const geo = (e: number, n: number): [number, number] => {
    const [la, lo] = geoFromUtm(e, n, zone, lat < 0);
    return [lo, la];
  };
  const features: GeoJSON.Feature[] = [];
  const add = (axis: "e" | "n", value: number): void => {
    const [from, to] = axis === "e" ? [box.n0, box.n1] : [box.e0, box.e1];
    const at = (s: number): [number, number] => (axis === "e" ? geo(value, s) : geo(s, value));
    const pad = (to - from) * 0.6; // so that a pan shows no bare edge before the next redraw
    const coordinates = [0, 0.25, 0.5, 0.75, 1].map((k) => at(from - pad + k * (to - from + 2 * pad)));
    const major = Math.round(value / step) % 10 === 0;
    features.push({ type: "Feature", properties: { major }, geometry: { type: "LineString", coordinates } });
    const label = gridLabel(value, step);
    const properties = { label, axis };
    features.push({ type: "Feature", properties, geometry: { type: "Point", coordinates: at(from + (to - from) * 0.025) } });
  };
  for (let e = Math.ceil(box.e0 / step) * step; e <= box.e1; e += step) add("e", e);
  for (let n = Math.ceil(box.n0 / step) * step; n <= box.n1; n += step) add("n", n);
  return { type: "FeatureCollection", features };
}

const NICE = [1, 2, 5];

/** A round length not wider than `width_px`. */
export function scaleBar(metres_per_px: number, width_px: number): { metres: number; px: number } {
  const limit = metres_per_px * width_px;
  const power = 10 ** Math.floor(Math.log10(limit));
  const metres = Math.max(...NICE.map((k) => k * power).filter((m) => m <= limit));
  return { metres, px: metres / metres_per_px };
}
