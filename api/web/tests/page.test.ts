import { describe, expect, it } from "vitest";
import { ageAt, freshness, Lateness, sourceState } from "../src/lib/age";
import { de } from "../src/lib/de";
import { en } from "../src/lib/en";
import { emptyPicture, fold, sorted, TRACK_POINTS } from "../src/lib/fold";
import { clockTime, dateText, isoSeconds, lossesByKind, number } from "../src/lib/format";
import type { Envelope, Hotspot, Source } from "../src/lib/types";
import { geoFromUtm, utmFromGeo, zoneOf } from "../src/lib/utm";
import { legendStops, splitFrame } from "../src/lib/video";
import { atLeast, ellipseRing, hotspotFeatures } from "../src/map/features";
import { factsOf, LAYERS, newest_s, Renewal } from "../src/map/layers";
import { gridFeatures, gridLabel, scaleBar, spacing } from "../src/map/grid";

const message = (topic: string, data: unknown, epoch = "a", seq = 1): Envelope => ({ v: 1, epoch, seq, topic, t_obs: 0, t_srv: 0, data });

function hotspot(number: number, peak_c: number | null, status = "detected", semi_major_m = 4): Hotspot {
  const ellipse95 = { semi_major_m, semi_minor_m: semi_major_m / 2, azimuth_deg: 90 };
  const properties = { id: `h${number}`, number, kind: "fire", status, vehicle: 1, camera: "1/100", peak_c, first_seen: null, last_seen: null, ellipse95 };
  return { type: "Feature", geometry: { type: "Point", coordinates: [6.74, 51.45] }, properties };
}

describe("numbers and times", () => {
  it("uses the decimal comma, a true minus, and a dash for the unknown", () => {
    expect(number(3.14, 1, "de-DE")).toBe("3,1");
    expect(number(-2.5, 1, "de-DE")).toBe("−2,5");
    expect(number(-0.01, 0, "de-DE")).toBe("0");
    expect([null, undefined, NaN].map((v) => number(v, 0, "de-DE"))).toEqual(["–", "–", "–"]);
  });
  it("shows Berlin time, in summer and in winter", () => {
    const utc = isoSeconds("2018-08-10T10:03:22Z");
    expect(clockTime(utc, "de-DE")).toBe("12:03:22");
    expect(dateText(utc, "de-DE")).toBe("10.08.2018");
    expect(clockTime(isoSeconds("2026-01-10T23:30:00Z"), "de-DE", false)).toBe("00:30");
    expect(isoSeconds("not a time")).toBeNull();
  });
});

describe("age", () => {
  it("adds the time since receipt to what the server said", () => {
    expect(ageAt(0.5, 1000, 3500)).toBe(3);
    expect(ageAt(null, 1000, 3500)).toBeNull();
  });
  it("is amber after 3 s, red after 10 s, a ghost after 60 s", () => {
    expect([3, 3.1, 10.1, 61, null].map(freshness)).toEqual(["live", "stale", "lost", "ghost", "unknown"]);
  });
  it("sees that a message waited, by the server's stamps against the quickest of late", () => {
    const lateness = new Lateness();
    expect(lateness.of(100, 5_000)).toBe(0);
    expect(lateness.of(101, 6_000)).toBe(0);
    expect(lateness.of(102, 9_500)).toBeCloseTo(2_500, 6); // 2.5 s behind the others
    expect(lateness.of(106, 10_900)).toBe(0); // quicker than all before
    expect(lateness.offset_s).toBeCloseTo(95.1, 9);
    expect(lateness.of(107, 12_000)).toBeCloseTo(100, 6);
  });
  it("forgets a server clock that was set back", () => {
    const lateness = new Lateness();
    lateness.of(1_000, 0);
    expect(lateness.of(990, 1_000)).toBeCloseTo(11_000, 6);
    expect(lateness.of(1_015, 26_000)).toBe(0);
  });
  it("never makes a source look better than the server said", () => {
    const source: Source = { id: "x", kind: "video", vehicle: 1, camera: "1/100", state: "stale", age_s: 0, since_s: null };
    expect(sourceState(source, 0.1)).toBe("stale");
    expect(sourceState({ ...source, state: "live" }, 12)).toBe("lost");
    expect(sourceState({ ...source, state: "off" }, 1)).toBe("off");
  });
});

describe("the picture", () => {
  it("drops the old run when the server starts a new epoch", () => {
    const before = fold(emptyPicture(), message("hotspot", hotspot(1, 100)), 0);
    expect(Object.keys(fold(before, message("hello", { resume: true }), 1).hotspots)).toEqual(["h1"]);
    expect(fold(before, message("hello", {}, "b"), 1).hotspots).toEqual({});
  });
  it("takes a snapshot as the whole truth", () => {
    const before = fold(emptyPicture(), message("hotspot", hotspot(1, 100)), 0);
    const after = fold(before, message("snapshot", { hotspots: [hotspot(2, 90)], "track/1": [[6.7, 51.4, 1]] }), 5);
    expect(Object.keys(after.hotspots)).toEqual(["h2"]);
    expect(after.tracks["1"]).toHaveLength(1);
  });
  it("forgets what is gone and survives topics that it does not know", () => {
    const one = fold(emptyPicture(), message("hotspot", hotspot(1, 100)), 0);
    expect(fold(one, message("hotspot_gone", { id: "h1" }), 0).hotspots).toEqual({});
    expect(fold(one, message("tide", { level_m: 3 }), 0).hotspots).toEqual(one.hotspots);
  });
  it("keeps a bounded trail", () => {
    let picture = emptyPicture();
    for (let i = 0; i < TRACK_POINTS + 50; i++) picture = fold(picture, message("vehicle/1", { vehicle: 1, time_s: i, lat_deg: 51 + i * 1e-4, lon_deg: 6 }), 0);
    expect(picture.tracks["1"]).toHaveLength(TRACK_POINTS);
  });
  it("keeps the trail of the flight while the drone stands", () => {
    let picture = emptyPicture();
    const at = (time_s: number, lat_deg: number): void => void (picture = fold(picture, message("vehicle/1", { vehicle: 1, time_s, lat_deg, lon_deg: 6 }), 0));
    for (let i = 0; i < 10; i++) at(i, 51 + i * 1e-4);
    for (let i = 10; i < 2000; i++) at(i, 51.0009 + (i % 2) * 1e-5); // a metre of noise
    expect(picture.tracks["1"]).toHaveLength(10);
  });
  it("sorts what is open first, then the hottest, with unmeasured ones last", () => {
    const all = [hotspot(1, 50), hotspot(2, null), hotspot(3, 900, "extinguished"), hotspot(4, 300, "confirmed"), hotspot(5, 80)];
    expect(sorted(all).map((h) => h.properties.number)).toEqual([5, 1, 2, 4, 3]);
  });
});

describe("map", () => {
  it("agrees with known UTM coordinates and comes back", () => {
    const [e, n] = utmFromGeo(51.4505, 6.7428, 32); // pyproj EPSG:25832
    expect(e).toBeCloseTo(343160.920, 2);
    expect(n).toBeCloseTo(5702340.801, 2);
    const [lat, lon] = geoFromUtm(e, n, 32);
    expect(lat).toBeCloseTo(51.4505, 9);
    expect(lon).toBeCloseTo(6.7428, 9);
    expect(zoneOf(6.7428)).toBe(32);
  });
  it("draws a grid wherever it looks", () => {
    const { features } = gridFeatures({ west: 6.73, south: 51.44, east: 6.75, north: 51.46 });
    const lines = features.filter((f) => f.geometry.type === "LineString");
    expect(lines.length).toBeGreaterThan(4);
    expect(lines.length).toBeLessThan(40);
    expect(gridLabel(343210, 10)).toBe("4321");
    expect(gridLabel(5702000, 1000)).toBe("02");
    expect(spacing(900)).toBe(100);
  });
  it("rounds the scale bar down to 1, 2 or 5", () => {
    expect(scaleBar(0.5, 160)).toEqual({ metres: 50, px: 100 });
  });
  it("shows an uncertain hotspot as an area and closes its ring counter-clockwise", () => {
    const { points } = hotspotFeatures([hotspot(1, 50), hotspot(2, 50, "detected", 31)], "h1");
    expect(points.features.map((f) => f.properties?.["wide"])).toEqual([false, true]);
    const ring = ellipseRing(hotspot(1, 50)) ?? [];
    expect(ring[0]?.[0]).toBeCloseTo(ring.at(-1)?.[0] ?? 0, 12);
    const area = ring.slice(1).reduce((sum, [x, y], i) => sum + ((ring[i]?.[0] ?? 0) * y - x * (ring[i]?.[1] ?? 0)), 0);
    expect(area).toBeGreaterThan(0);
    const east = Math.max(...ring.map(([x]) => x)) - 6.74;
    expect(east * 111320 * Math.cos((51.45 * Math.PI) / 180)).toBeCloseTo(4, 1); // azimuth 90° lies east-west
  });
});

describe("the view", () => {
  it("widens a lone drone to its neighbourhood and leaves a large area alone", () => {
    const [west, south, east, north] = atLeast([6.74, 51.45, 6.74, 51.45], 150);
    expect((north - south) * 111_195).toBeCloseTo(150, 0);
    expect((east - west) * 111_195 * Math.cos((51.45 * Math.PI) / 180)).toBeCloseTo(150, 0);
    expect(atLeast([6, 51, 7, 52], 150)).toEqual([6, 51, 7, 52]);
  });
});

describe("the picture's legend", () => {
  const legend: [number, string][] = [[60, "yellow"], [100, "orange"], [150, "red"]];
  it("is grey below the first threshold, and each colour begins where the server says", () => {
    expect(legendStops({ min_c: 0, max_c: 200, legend })).toBe("#000 0%, #fff 30.0%, yellow 30.0%, yellow 50.0%, orange 50.0%, orange 75.0%, red 75.0%, red 100.0%");
  });
  it("has no colour that the picture cannot hold", () => {
    expect(legendStops({ min_c: 5, max_c: 50, legend })).toBe("#000 0%, #fff 100.0%");
    expect(legendStops({ min_c: 110, max_c: 300, legend })).not.toContain("yellow");
    expect(legendStops({ min_c: null, max_c: null })).toBe("#000 0%, #fff 100%");
  });
});

describe("video message", () => {
  it("splits header and picture, and refuses a cut one", () => {
    const head = new TextEncoder().encode('{"seq":7}');
    const bytes = new Uint8Array(4 + head.length + 3);
    new DataView(bytes.buffer).setUint32(0, head.length);
    bytes.set(head, 4);
    const { header, jpeg } = splitFrame(bytes.buffer);
    expect(header.seq).toBe(7);
    expect(jpeg).toHaveLength(3);
    expect(() => splitFrame(bytes.buffer.slice(0, 8))).toThrow(RangeError);
  });
});

describe("words", () => {
  it("has one for every kind of loss that the server counts", () => {
    const queues = [
      { name: "frames:1/100", lost: 80 },
      { name: "frames:2/100", lost: 4 },
      { name: "unplaced:1/100", lost: 132 },
      { name: "link:udpin:127.0.0.1:14550", lost: 0 },
    ];
    expect(lossesByKind(queues)).toEqual([["frames", 84], ["unplaced", 132]]);
    for (const { name } of queues) expect(de).toHaveProperty(`queue_${name.split(":")[0]}`);
  });
  it("has every word with the same blanks in both languages", () => {
    const blanks = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? "").sort();
    expect(Object.keys(en).sort()).toEqual(Object.keys(de).sort());
    for (const key of Object.keys(de) as (keyof typeof de)[]) {
      expect(de[key].trim(), key).not.toBe("");
      expect(blanks(en[key]), key).toEqual(blanks(de[key]));
    }
  });
});

describe("layers of the ground", () => {
  it("fetches another layer at once, new frames at a pace, and ages again because they grow", () => {
    const renewal = new Renewal();
    const asked: [Parameters<Renewal["due"]>, boolean][] = [
      [[null, 0, 0], false], [["heat", 5, 1], true], [["heat", 6, 2], false], [["heat", 6, 4.1], true], [["heat", 6, 500], false],
      [["age", 6, 501], true], [["age", 6, 510], false], [["age", 6, 516.5], true], [[null, 6, 517], true], [[null, 9, 900], false],
    ];
    for (const [question, answer] of asked) expect(renewal.due(...question), String(question)).toBe(answer);
  });
  it("never names a degree over grey levels, and gives every colour a word of its own", () => {
    expect(factsOf("heat", true).steps.map(([, word]) => de[word])).toEqual(["Graubild ohne °C"]);
    for (const layer of LAYERS) expect(new Set(factsOf(layer).steps.map(([, word]) => de[word])).size).toBe(factsOf(layer).steps.length);
  });
  it("says nothing of an age where nothing was laid", () => {
    const seen = { frames: 3, area_m2: 1, since_s: 1, last_s: 7, polygon: null, detection_running: true, thermal_map: null };
    expect([newest_s("heat", seen), newest_s("age", seen), newest_s("age", { ...seen, frames: 0 }), newest_s("heat", null)]).toEqual([null, 7, null, null]);
    expect(newest_s("heat", { ...seen, thermal_map: { unit: "°C", frames: 2, last_s: 5 } })).toBe(5);
  });
});
