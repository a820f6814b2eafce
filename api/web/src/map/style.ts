/** Layers of the map, bottom to top: GeoJSON and tiles from our own server; there are no glyphs or sprites to fetch. */
import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from "maplibre-gl";
import { COLOUR, PIN } from "./icons";

const EMPTY: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };
export const SOURCES = ["basemap", "grid", "coverage", "footprint", "track", "ellipse", "hotspot", "drone"] as const;
export type SourceName = (typeof SOURCES)[number];

const kind = (...kinds: string[]): ExpressionSpecification => ["in", ["get", "kind"], ["literal", kinds]];
const HALO = { "text-halo-color": "#05080b", "text-halo-width": 2 };

const ground: LayerSpecification[] = [
  { id: "ground", type: "background", paint: { "background-color": COLOUR.ground } },
  { id: "water", type: "fill", source: "basemap", filter: kind("water"), paint: { "fill-color": "#15395a" } },
  { id: "quay", type: "fill", source: "basemap", filter: ["all", kind("quay"), ["==", ["geometry-type"], "Polygon"]], paint: { "fill-color": "#1c242d" } },
  { id: "street-area", type: "fill", source: "basemap", filter: ["all", kind("street"), ["==", ["geometry-type"], "Polygon"]], paint: { "fill-color": "#35414d" } },
  {
    id: "street", type: "line", source: "basemap", filter: ["all", kind("street"), ["!=", ["geometry-type"], "Polygon"]], layout: { "line-cap": "round", "line-join": "round" },
    paint: { "line-color": "#35414d", "line-width": ["interpolate", ["exponential", 2], ["zoom"], 13, 1, 18, 14] },
  },
  { id: "quay-edge", type: "line", source: "basemap", filter: kind("quay"), paint: { "line-color": "#6b7a89", "line-width": 1.5 } },
  { id: "building", type: "fill", source: "basemap", filter: kind("building"), paint: { "fill-color": "#3a4652" } },
  { id: "building-edge", type: "line", source: "basemap", filter: kind("building"), paint: { "line-color": "#8796a5", "line-width": 1.5 } },
  { id: "heap", type: "fill", source: "basemap", filter: kind("heap"), paint: { "fill-color": "#4a4136", "fill-opacity": 0.8 } },
  { id: "heap-edge", type: "line", source: "basemap", filter: kind("heap"), paint: { "line-color": "#9c8a70", "line-width": 1.5, "line-dasharray": [2, 1.5] } },
];

const seen: LayerSpecification[] = [
  { id: "coverage", type: "fill", source: "coverage", paint: { "fill-color": COLOUR.seen, "fill-opacity": 0.16 } },
  { id: "coverage-edge", type: "line", source: "coverage", paint: { "line-color": COLOUR.seen, "line-width": 1.5, "line-opacity": 0.7 } },
];

/** Tiles of the one layer of the ground that is chosen, in two sheets; empty until then. */
export const SHEETS = ["sheet-0", "sheet-1"] as const;
const sheets: LayerSpecification[] = SHEETS.map((id) => ({
  id, type: "raster", source: id, layout: { visibility: "none" }, paint: { "raster-fade-duration": 0, "raster-opacity": 0.85, "raster-resampling": "nearest" },
}));
const TILES = { type: "raster" as const, tiles: [`${location.origin}/tiles/coverage/{z}/{x}/{y}.png`], tileSize: 256, minzoom: 9, maxzoom: 21 };

const grid: LayerSpecification[] = [
  {
    id: "grid", type: "line", source: "grid", filter: ["==", ["geometry-type"], "LineString"],
    paint: { "line-color": "#8fa3b5", "line-opacity": ["case", ["get", "major"], 0.75, 0.42], "line-width": ["case", ["get", "major"], 1.8, 1] },
  },
  {
    id: "grid-label", type: "symbol", source: "grid", filter: ["==", ["geometry-type"], "Point"],
    layout: {
      "text-field": ["get", "label"], "text-size": 15,
      "text-anchor": ["case", ["==", ["get", "axis"], "e"], "bottom", "left"], "text-allow-overlap": true,
    },
    paint: { "text-color": "#b9c7d4", ...HALO },
  },
  {
    id: "label", type: "symbol", source: "basemap", filter: ["any", kind("label"), ["all", ["has", "label"], ["==", ["geometry-type"], "Point"]]],
    layout: { "text-field": ["coalesce", ["get", "label"], ["get", "name"], ["get", "text"], ""], "text-size": 15, "text-max-width": 8 },
    paint: { "text-color": "#d5dee7", ...HALO },
  },
];

const live: LayerSpecification[] = [
  { id: "footprint", type: "fill", source: "footprint", paint: { "fill-color": "#ffffff", "fill-opacity": ["case", ["get", "live"], 0.1, 0.02] } },
  { id: "footprint-edge", type: "line", source: "footprint", filter: ["get", "live"], paint: { "line-color": "#ffffff", "line-width": 2.5 } },
  { id: "footprint-old", type: "line", source: "footprint", filter: ["!", ["get", "live"]], paint: { "line-color": "#c0ccd8", "line-width": 2, "line-dasharray": [3, 3] } },
  { id: "track-under", type: "line", source: "track", paint: { "line-color": "#05080b", "line-width": 5, "line-opacity": 0.6 } },
  { id: "track", type: "line", source: "track", paint: { "line-color": COLOUR.live, "line-width": 2.5, "line-opacity": 0.85 } },
  {
    id: "drone", type: "symbol", source: "drone",
    layout: {
      "icon-image": ["get", "icon"], "icon-rotate": ["get", "heading"], "icon-rotation-alignment": "map", "icon-allow-overlap": true,
      "icon-ignore-placement": true, "text-field": ["get", "label"], "text-size": 16, "text-offset": [0, 2.2], "text-allow-overlap": true, "text-ignore-placement": true,
    },
    paint: { "text-color": "#ffffff", ...HALO },
  },
];

const hot: LayerSpecification[] = [
  { id: "ellipse", type: "fill", source: "ellipse", paint: { "fill-color": COLOUR.hot, "fill-opacity": ["case", ["get", "wide"], 0.32, 0.2] } },
  { id: "ellipse-edge", type: "line", source: "ellipse", filter: ["!", ["get", "wide"]], paint: { "line-color": "#ffb27a", "line-width": ["case", ["get", "selected"], 4, 2] } },
  { id: "ellipse-wide", type: "line", source: "ellipse", filter: ["get", "wide"], paint: { "line-color": "#ffb27a", "line-width": ["case", ["get", "selected"], 5, 3], "line-dasharray": [2, 1.5] } },
  {
    id: "hotspot", type: "symbol", source: "hotspot", filter: ["!", ["get", "wide"]],
    layout: {
      // a pin whose tip is the place: the ellipse stays free to see
      "icon-image": ["get", "icon"], "icon-anchor": "bottom", "icon-offset": [0, PIN.foot], "icon-allow-overlap": true, "icon-ignore-placement": true,
      "text-field": ["get", "number"], "text-size": 20, "text-offset": [0, -PIN.height / 20], "text-allow-overlap": true, "text-ignore-placement": true, "symbol-sort-key": ["get", "order"],
    },
    paint: { "text-color": "#000000", "text-halo-color": "#000000", "text-halo-width": 0.6 },
  },
  {
    id: "hotspot-wide", type: "symbol", source: "hotspot", filter: ["get", "wide"],
    layout: { "text-field": ["get", "number"], "text-size": 24, "text-allow-overlap": true, "text-ignore-placement": true },
    paint: { "text-color": "#ffd9bd", ...HALO },
  },
];

function sized(layer: LayerSpecification, size: number): LayerSpecification {
  if (layer.type === "line") return { ...layer, paint: scaled(layer.paint ?? {}, ["line-width"], size) };
  if (layer.type === "symbol") return { ...layer, layout: { "icon-size": size, ...scaled(layer.layout ?? {}, ["text-size"], size) } };
  return layer;
}

/** The same properties with these ones larger; zoom expressions stay as they are, for they are in metres. */
function scaled<T extends object>(properties: T, names: string[], size: number): T {
  const larger = (name: string, value: unknown): unknown => {
    if (!names.includes(name)) return value;
    return typeof value === "number" ? value * size : Array.isArray(value) && value[0] === "case" ? ["*", size, value] : value;
  };
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, larger(name, value)])) as T;
}

/** `size`: how much larger than on a tablet all signs and words are drawn. */
export function style(size = 1): StyleSpecification {
  const sources = Object.fromEntries(SOURCES.map((name) => [name, { type: "geojson" as const, data: EMPTY }]));
  const tiles = Object.fromEntries(SHEETS.map((name) => [name, TILES]));
  return { version: 8, sources: { ...sources, ...tiles }, layers: [...ground, ...seen, ...sheets, ...grid, ...live, ...hot].map((layer) => sized(layer, size)) };
}
