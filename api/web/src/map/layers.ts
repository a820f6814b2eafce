/** The pictures of the ground that can lie over the map, one at a time: what each key shows, from where, in which colours. */
import type { Coverage } from "../lib/types";
import type { Key } from "../lib/words.svelte";

export const LAYERS = ["heat", "sharp", "age"] as const;
export type Layer = (typeof LAYERS)[number];

export interface LayerFacts {
  /** Tiles without their version, bottom to top. */
  tiles: string[];
  name: Key;
  /** Colours with their words, as the server paints them. */
  steps: [colour: string, word: Key][];
  /** How often what is shown may be fetched again, and how long it may be shown without, for ages grow by themselves. */
  pace_s: number;
  renew_s: number;
}

const STEPS = ["#3cbe5a", "#e6d23c", "#ff8c28", "#e63c3c"] as const;
const HIDDEN = "#c83cc8";
const graded = (...words: [Key, Key, Key, Key]): [string, Key][] => words.map((word, i) => [STEPS[i] ?? "", word]);

const HEAT: [string, Key][] = [["#ff3c32", "heat_150"], ["#ff9628", "heat_100"], ["#fadc50", "heat_60"], ["linear-gradient(90deg, #000, #fff)", "heat_grey"]];
const GREY: [string, Key][] = [["linear-gradient(90deg, #000, #fff)", "heat_no_celsius"]];

/** `grey`: the map holds grey levels and no temperatures. */
export function factsOf(layer: Layer, grey = false): LayerFacts {
  if (layer === "heat") return { tiles: ["/tiles/thermal/{z}/{x}/{y}.png?layer=latest"], name: "layer_heat", steps: grey ? GREY : HEAT, pace_s: 3, renew_s: Infinity };
  const at = (name: string): string => `/tiles/coverage/{z}/{x}/{y}.png?layer=${name}`;
  if (layer === "age") return { tiles: [at("age")], name: "layer_age", steps: graded("age_1", "age_5", "age_15", "age_older"), pace_s: 6, renew_s: 15 };
  return { tiles: [at("gsd"), at("hidden")], name: "layer_sharp", steps: [...graded("gsd_5", "gsd_10", "gsd_25", "gsd_wide"), [HIDDEN, "gsd_hidden"]], pace_s: 6, renew_s: Infinity };
}

/** UTC seconds of the newest picture in a layer; null while there is nothing in it. */
export function newest_s(layer: Layer, coverage: Coverage | null): number | null {
  if (!coverage) return null;
  if (layer === "heat") return coverage.thermal_map?.last_s ?? null;
  return coverage.frames > 0 ? coverage.last_s : null;
}

/** Says when tiles must be fetched again: another layer at once, new frames at their pace, and old ones now and then. */
export class Renewal {
  #layer: Layer | null = null;
  #frames = -1;
  #at_s = -Infinity;

  due(layer: Layer | null, frames: number, now_s: number): boolean {
    const other = layer !== this.#layer;
    const facts = layer === null ? null : factsOf(layer);
    const since_s = now_s - this.#at_s;
    const newer = facts !== null && ((frames !== this.#frames && since_s >= facts.pace_s) || since_s >= facts.renew_s);
    if (!other && !newer) return false;
    [this.#layer, this.#frames, this.#at_s] = [layer, frames, now_s];
    return true;
  }
}
