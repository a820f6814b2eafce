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

/** A hotspot's pin, px: from the middle of its head down to its tip, and what is left below the tip. */
export const PIN = { width: 56, height: 44, head: 26, foot: 6 } as const;

const RATIO = 3;
type Pen = CanvasRenderingContext2D;

function icon(chart: Chart, name: string, width: number, draw: (pen: Pen) => void, height = width, middle = height / 2): void {
  const canvas = document.createElement("canvas");
  canvas.width = width * RATIO;
  canvas.height = height * RATIO;
  const pen = canvas.getContext("2d");
  if (!pen || chart.hasImage(name)) return;
  pen.scale(RATIO, RATIO);
  pen.translate(width / 2, middle);
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
  stem(pen, ring);
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

/** The line from the head to the place itself, and a dot there. */
function stem(pen: Pen, ring: boolean): void {
  for (const [width, radius, colour] of [[ring ? 8 : 6, 3.5, "#05080b"], [ring ? 4 : 2.5, 2, "#ffffff"]] as const) {
    pen.beginPath();
    pen.moveTo(0, 0);
    pen.lineTo(0, PIN.height - 2);
    pen.lineWidth = width;
    pen.strokeStyle = colour;
    pen.stroke();
    pen.beginPath();
    pen.arc(0, PIN.height, radius, 0, 7);
    pen.fillStyle = colour;
    pen.fill();
  }
}

export function addIcons(chart: Chart): void {
  const pin = (name: string, draw: (pen: Pen) => void): void => icon(chart, name, PIN.width, draw, PIN.head + PIN.height + PIN.foot, PIN.head);
  icon(chart, "drone-live", 60, (pen) => drone(pen, COLOUR.live, true, false));
  icon(chart, "drone-stale", 60, (pen) => drone(pen, COLOUR.stale, false, false));
  icon(chart, "drone-lost", 60, (pen) => drone(pen, COLOUR.lost, false, false));
  icon(chart, "drone-ghost", 60, (pen) => drone(pen, "#9aa7b4", false, true));
  for (const [ring, suffix] of [[false, ""], [true, "-selected"]] as const) {
    pin(`hotspot-detected${suffix}`, (pen) => hotspot(pen, "detected", COLOUR.hot, ring));
    pin(`hotspot-confirmed${suffix}`, (pen) => hotspot(pen, "confirmed", "#ff5252", ring));
    pin(`hotspot-done${suffix}`, (pen) => hotspot(pen, "done", "#b8c4d0", ring));
  }
}
