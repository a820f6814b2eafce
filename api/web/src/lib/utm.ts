/**
 * UTM forward and inverse (Krüger series to n⁴, Karney 2011), so that the grid can be drawn without any server.
 * Metres; good to well under a millimetre inside a zone.
 */
const A = 6378137;
const F = 1 / 298.257223563;
const K0 = 0.9996;
const N = F / (2 - F);
const RECT = (A / (1 + N)) * (1 + N ** 2 / 4 + N ** 4 / 64);
const E = Math.sqrt(F * (2 - F));
const ALPHA = [
  N / 2 - (2 / 3) * N ** 2 + (5 / 16) * N ** 3 + (41 / 180) * N ** 4,
  (13 / 48) * N ** 2 - (3 / 5) * N ** 3 + (557 / 1440) * N ** 4,
  (61 / 240) * N ** 3 - (103 / 140) * N ** 4,
  (49561 / 161280) * N ** 4,
];
const BETA = [
  N / 2 - (2 / 3) * N ** 2 + (37 / 96) * N ** 3 - (1 / 360) * N ** 4,
  (1 / 48) * N ** 2 + (1 / 15) * N ** 3 - (437 / 1440) * N ** 4,
  (17 / 480) * N ** 3 - (37 / 840) * N ** 4,
  (4397 / 161280) * N ** 4,
];
const RAD = Math.PI / 180;

export const zoneOf = (lon_deg: number): number => Math.min(60, Math.floor((lon_deg + 180) / 6) + 1);
const meridian = (zone: number): number => zone * 6 - 183;

export function utmFromGeo(lat_deg: number, lon_deg: number, zone: number): [easting: number, northing: number] {
  const s = Math.sin(lat_deg * RAD);
  const tan = Math.sinh(Math.atanh(s) - E * Math.atanh(E * s));
  const dl = (lon_deg - meridian(zone)) * RAD;
  const xi = Math.atan2(tan, Math.cos(dl));
  const eta = Math.atanh(Math.sin(dl) / Math.hypot(1, tan));
  let x = eta;
  let y = xi;
  ALPHA.forEach((a, i) => {
    const k = 2 * (i + 1);
    x += a * Math.cos(k * xi) * Math.sinh(k * eta);
    y += a * Math.sin(k * xi) * Math.cosh(k * eta);
  });
  return [500000 + K0 * RECT * x, (lat_deg < 0 ? 1e7 : 0) + K0 * RECT * y];
}

export function geoFromUtm(easting: number, northing: number, zone: number, south = false): [lat: number, lon: number] {
  const x = (easting - 500000) / (K0 * RECT);
  const y = (northing - (south ? 1e7 : 0)) / (K0 * RECT);
  let xi = y;
  let eta = x;
  BETA.forEach((b, i) => {
    const k = 2 * (i + 1);
    xi -= b * Math.sin(k * y) * Math.cosh(k * x);
    eta -= b * Math.cos(k * y) * Math.sinh(k * x);
  });
  const conformal = Math.asin(Math.sin(xi) / Math.cosh(eta));
  const target = Math.atanh(Math.sin(conformal));
  let lat = conformal;
  for (let i = 0; i < 5; i++) lat = Math.asin(Math.tanh(target + E * Math.atanh(E * Math.sin(lat))));
  return [lat / RAD, meridian(zone) + Math.atan2(Math.sinh(eta), Math.cos(xi)) / RAD];
}
