/** The one owner of the MapLibre map: takes collections, gives taps. */
import { Map as MapLibre, setWorkerUrl, type GeoJSONSource, type MapMouseEvent, type RasterTileSource } from "maplibre-gl";
// a same-origin file: a production build without setWorkerUrl stays blank without a word
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import "maplibre-gl/dist/maplibre-gl.css";
import type { Bounds } from "./features";
import { gridFeatures, scaleBar } from "./grid";
import { addIcons } from "./icons";
import { SHEETS, style, type SourceName } from "./style";

setWorkerUrl(workerUrl);

/** Where the synthetic town stands; shown until something real has a place. */
const START: [number, number] = [6.7428, 51.4505];
const HIT_PX = 24; // half a touch target
/** The closest view that the map takes by itself, and the share of the view under which it looks closer. */
const NEAREST = 18;
const SMALL_SHARE = 0.75;
const TABLET_REM_PX = 17;
const PACE_MS = 100;

export interface ChartEvents {
  ready(): void;
  moved(scale: { metres: number; px: number }): void;
  /** The crew has moved the map by hand. */
  dragged(): void;
  resized(): void;
  picked(hotspot: string | null): void;
}

export class Chart {
  readonly #map: MapLibre;
  readonly #size = parseFloat(getComputedStyle(document.documentElement).fontSize) / TABLET_REM_PX;
  #ready = false;
  #flushing: ReturnType<typeof setTimeout> | undefined;
  #waiting = new Map<SourceName, GeoJSON.FeatureCollection>();
  #tiles: string[] = [];

  constructor(container: HTMLElement, events: ChartEvents) {
    this.#map = new MapLibre({
      container, style: style(this.#size), center: START, zoom: 15.5, attributionControl: false, dragRotate: false, pitchWithRotate: false,
      touchPitch: false, fadeDuration: 0, maxPitch: 0, minZoom: 3, maxZoom: 21,
    });
    this.#map.touchZoomRotate.disableRotation();
    this.#map.keyboard.disableRotation();
    this.#map.once("load", () => {
      addIcons(this.#map);
      this.#ready = true;
      this.#grid();
      this.#flush();
      this.#lay();
      events.ready();
      events.moved(this.#scale());
    });
    this.#map.on("moveend", () => this.#grid());
    this.#map.on("move", () => events.moved(this.#scale()));
    // by hand only: our own movements carry no original event
    this.#map.on("dragstart", () => events.dragged());
    this.#map.on("zoomstart", (event) => event.originalEvent && events.dragged());
    this.#map.on("resize", () => events.resized());
    this.#map.on("click", (event) => events.picked(this.#hit(event)));
  }

  set(name: SourceName, data: GeoJSON.FeatureCollection): void {
    this.#waiting.set(name, data);
    if (this.#ready) this.#flushing ??= setTimeout(() => this.#flush(), PACE_MS);
  }

  /** All that has changed at once: every change costs a drawing of the whole map, and a tablet has other work. */
  #flush(): void {
    this.#flushing = undefined;
    for (const [name, data] of this.#waiting) void this.#map.getSource<GeoJSONSource>(name)?.setData(data);
    this.#waiting.clear();
  }

  /** Tiles over the ground, bottom to top; what is on the screen stays there until the new ones have come. */
  lay(tiles: string[]): void {
    this.#tiles = tiles;
    if (this.#ready) this.#lay();
  }

  #lay(): void {
    for (const [i, sheet] of SHEETS.entries()) {
      const tiles = this.#tiles[i];
      if (tiles) this.#map.getSource<RasterTileSource>(sheet)?.setTiles([location.origin + tiles]);
      this.#map.setLayoutProperty(sheet, "visibility", tiles ? "visible" : "none");
    }
    this.#map.setLayoutProperty("coverage", "visibility", this.#tiles.length ? "none" : "visible"); // its edge stays
  }

  /** Bring all of it into the part of the map that no key covers. */
  fit(bounds: Bounds): void {
    this.#map.fitBounds(bounds, { padding: this.#padding(), maxZoom: NEAREST, animate: false });
  }

  /** Whether a picture of this place wants another view: something is out of sight, or all of it is lost in a corner. */
  wants(bounds: Bounds): boolean {
    const { clientWidth: w, clientHeight: h } = this.#map.getContainer();
    const [a, b] = [this.#map.project([bounds[0], bounds[3]]), this.#map.project([bounds[2], bounds[1]])];
    const free = this.#padding();
    const outside = a.x < free.left / 2 || b.x > w - free.right / 2 || a.y < free.top / 2 || b.y > h - free.bottom / 2;
    const share = Math.max((b.x - a.x) / (w - free.left - free.right), (b.y - a.y) / (h - free.top - free.bottom));
    return outside || (share < SMALL_SHARE && this.#map.getZoom() < NEAREST - 0.2);
  }

  #padding(): { top: number; bottom: number; left: number; right: number } {
    const { clientWidth: w, clientHeight: h } = this.#map.getContainer();
    return { top: Math.min(70 * this.#size, h / 5), bottom: Math.min(60 * this.#size, h / 5), left: Math.min(70 * this.#size, w / 8), right: Math.min(120 * this.#size, w / 5) };
  }

  /** Bring a place into the free part of the map; calmly, and not at all when it is well in view already. */
  show(lon: number, lat: number): void {
    const { clientWidth: w, clientHeight: h } = this.#map.getContainer();
    const at = this.#map.project([lon, lat]);
    const inside = at.x > w * 0.1 && at.x < w * 0.85 && at.y > h * 0.15 && at.y < h * 0.9;
    if (!inside) this.#map.easeTo({ center: [lon, lat], duration: 300 });
  }

  centre(lon: number, lat: number): void {
    this.#map.jumpTo({ center: [lon, lat] });
  }

  zoom(by: number): void {
    this.#map.easeTo({ zoom: this.#map.getZoom() + by, duration: 200 });
  }

  /** Numbers of the hotspots that MapLibre has really painted in view, with their places as painted. */
  drawn(): { id: string; number: string; lon: number; lat: number; x: number; y: number }[] {
    if (!this.#ready) return [];
    return this.#map.queryRenderedFeatures({ layers: ["hotspot", "hotspot-wide"] }).flatMap((feature) => {
      if (feature.geometry.type !== "Point") return [];
      const [lon = NaN, lat = NaN] = feature.geometry.coordinates;
      const { x, y } = this.#map.project([lon, lat]);
      return [{ id: String(feature.properties.id), number: String(feature.properties.number), lon, lat, x, y }];
    });
  }

  remove(): void {
    clearTimeout(this.#flushing);
    this.#map.remove();
  }

  #hit({ point }: MapMouseEvent): string | null {
    if (!this.#ready) return null;
    const box: [[number, number], [number, number]] = [[point.x - HIT_PX, point.y - HIT_PX], [point.x + HIT_PX, point.y + HIT_PX]];
    const near = this.#map.queryRenderedFeatures(box, { layers: ["hotspot", "hotspot-wide"] });
    const found = near.length ? near : this.#map.queryRenderedFeatures(point, { layers: ["ellipse"] });
    const id = found[0]?.properties.id as unknown;
    return typeof id === "string" ? id : null;
  }

  #grid(): void {
    const b = this.#map.getBounds();
    this.set("grid", gridFeatures({ west: b.getWest(), south: b.getSouth(), east: b.getEast(), north: b.getNorth() }));
  }

  #scale(): { metres: number; px: number } {
    const lat = (this.#map.getCenter().lat * Math.PI) / 180;
    const metresPerPx = (40075016.686 * Math.cos(lat)) / (512 * 2 ** this.#map.getZoom());
    return scaleBar(metresPerPx, 160);
  }
}
