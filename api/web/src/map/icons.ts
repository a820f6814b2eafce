/** Symbols drawn in code: no sprite, no font, no address. State is told by shape as well as by colour. */
import type { Map as Chart } from "maplibre-gl";

export const COLOUR = {
  ground: "#10161d",
  live: "#7fd4ff",
  stale: "#ffc53d",
  lost: "#ff8a80",
  hot: "#ff7a1a",
  seen: "#4da3d9",
} as const;

const RATIO = 2;
type Pen = CanvasRenderingContext2D;

function icon(chart: Chart, name: string, size: number, draw: (pen: Pen) => void): void {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * RATIO;
  const pen = canvas.getContext("2d");
  if (!pen || chart.hasImage(name)) return;
  pen.scale(RATIO, RATIO);
  pen.translate(size / 2, size / 2);
  pen.lineJoin = "round";
  draw(pen);
  chart.addImage(name, pen.getImageData(0, 0, canvas.width, canvas.height), { pixelRatio: RATIO });
}

function path(pen: Pen, points: [number, number][]): void {
  pen.beginPath();
  points.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.closePath();
}

function drone(pen: Pen, colour: string, filled: boolean, dashed: boolean): void {
  path(pen, [[0, -22], [15, 18], [0, 9], [-15, 18]]);
  pen.lineWidth = 7;
  pen.strokeStyle = "#05080b";
  pen.stroke();
  if (filled) {
    pen.fillStyle = colour;
    pen.fill();
  }
  pen.lineWidth = 3;
  pen.setLineDash(dashed ? [4, 4] : []);
  pen.strokeStyle = filled ? "#ffffff" : colour;
  pen.stroke();
}

const SHAPES: Record<string, [number, number][]> = {
  detected: [[0, -19], [19, 0], [0, 19], [-19, 0]],
  done: [[-14, -14], [14, -14], [14, 14], [-14, 14]],
};

function hotspot(pen: Pen, shape: string, colour: string, ring: boolean): void {
  const outline = SHAPES[shape];
  const trace = (): void => {
    if (outline) return path(pen, outline);
    pen.beginPath();
    pen.arc(0, 0, 16, 0, 7);
  };
  trace();
  pen.lineWidth = ring ? 15 : 8;
  pen.strokeStyle = ring ? "#ffffff" : "#05080b";
  pen.stroke();
  pen.lineWidth = ring ? 6 : 4;
  pen.strokeStyle = "#05080b";
  pen.stroke();
  pen.fillStyle = colour;
  pen.fill();
}

export function addIcons(chart: Chart): void {
  icon(chart, "drone-live", 60, (pen) => drone(pen, COLOUR.live, true, false));
  icon(chart, "drone-stale", 60, (pen) => drone(pen, COLOUR.stale, false, false));
  icon(chart, "drone-lost", 60, (pen) => drone(pen, COLOUR.lost, false, false));
  icon(chart, "drone-ghost", 60, (pen) => drone(pen, "#9aa7b4", false, true));
  for (const [ring, suffix] of [[false, ""], [true, "-selected"]] as const) {
    icon(chart, `hotspot-detected${suffix}`, 56, (pen) => hotspot(pen, "detected", COLOUR.hot, ring));
    icon(chart, `hotspot-confirmed${suffix}`, 56, (pen) => hotspot(pen, "confirmed", "#ff5252", ring));
    icon(chart, `hotspot-done${suffix}`, 56, (pen) => hotspot(pen, "done", "#b8c4d0", ring));
  }
}
