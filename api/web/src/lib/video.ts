/**
 * One camera's pictures: JPEG over a WebSocket with credits. Two frames may be on their way; each frame drawn gives one credit
 * back, so a slow tablet gets fewer pictures but never older ones.
 */
import { socketUrl } from "./live";
import type { VideoHeader } from "./types";

const RETRY_MS = 1000;
const CREDIT = 2;

export interface VideoFrame {
  header: VideoHeader;
  picture: ImageBitmap;
  received_ms: number;
}

export function splitFrame(buffer: ArrayBuffer): { header: VideoHeader; jpeg: Uint8Array<ArrayBuffer> } {
  const size = buffer.byteLength < 4 ? -1 : new DataView(buffer).getUint32(0);
  if (size < 2 || 4 + size > buffer.byteLength) throw new RangeError(`video message of ${buffer.byteLength} bytes`);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size))) as VideoHeader;
  return { header, jpeg: new Uint8Array(buffer, 4 + size) };
}

/**
 * The picture's colours from its lowest to its highest temperature, for a gradient: grey carries the scene, a colour begins
 * where the server says. So a bar labelled "7 °C … 73 °C" is red nowhere.
 */
export function legendStops(span: Pick<VideoHeader, "min_c" | "max_c" | "legend"> | undefined): string {
  const { min_c, max_c, legend = [] } = span ?? {};
  if (min_c == null || max_c == null || max_c <= min_c) return "#000 0%, #fff 100%";
  const at = (celsius: number): string => `${Math.min(100, Math.max(0, ((celsius - min_c) / (max_c - min_c)) * 100)).toFixed(1)}%`;
  const first = legend[0]?.[0] ?? max_c;
  const stops = first > min_c ? [`#000 0%`, `#fff ${at(first)}`] : [];
  legend.forEach(([from, colour], i) => {
    if (from < max_c && (legend[i + 1]?.[0] ?? Infinity) > min_c) stops.push(`${colour} ${at(from)}`, `${colour} ${at(legend[i + 1]?.[0] ?? max_c)}`);
  });
  return stops.join(", ");
}

export class VideoChannel {
  #socket: WebSocket | null = null;
  #closed = false;
  #camera: string;
  #show: (frame: VideoFrame) => void;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(camera: string, show: (frame: VideoFrame) => void) {
    this.#camera = camera;
    this.#show = show;
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#socket?.close();
  }

  #connect(): void {
    const socket = new WebSocket(socketUrl(`/api/v1/video/${encodeURI(this.#camera)}`));
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(JSON.stringify({ credit: CREDIT }));
    socket.onmessage = (event) => void this.#receive(socket, event);
    socket.onclose = () => {
      if (!this.#closed) this.#retry = setTimeout(() => this.#connect(), RETRY_MS);
    };
  }

  async #receive(socket: WebSocket, event: MessageEvent): Promise<void> {
    const received_ms = performance.now();
    if (!(event.data instanceof ArrayBuffer)) return;
    try {
      const { header, jpeg } = splitFrame(event.data);
      // ImageBitmap, not <img src=blob:>: the page's CSP allows its own origin only
      const picture = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
      if (socket === this.#socket && !this.#closed) this.#show({ header, picture, received_ms });
    } catch (error) {
      console.warn("a picture could not be read", error);
    } finally {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ credit: 1 }));
    }
  }
}
