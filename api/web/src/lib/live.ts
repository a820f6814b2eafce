/** The live channel: one WebSocket, pinged every 2 s, retried for ever, resumed or taken anew from a snapshot. */
import { SERVER_SILENT_S } from "./age";
import type { Envelope } from "./types";

const PING_MS = 2000;
const RETRY_MS = [200, 400, 800, 1500];

export interface LiveEvents {
  message(envelope: Envelope, now_ms: number): void;
  /** Anything at all was heard from the server. */
  heard(now_ms: number): void;
  closed(): void;
  position(): { epoch: string | number; seq: number } | null;
}

export function socketUrl(path: string): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
}

export class LiveChannel {
  #socket: WebSocket | null = null;
  #events: LiveEvents;
  #tries = 0;
  #lastHeard = 0;
  #ping = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(events: LiveEvents) {
    this.#events = events;
  }

  start(): void {
    this.#connect();
    setInterval(() => this.#beat(), PING_MS);
    // a tab in the background is throttled and its socket may be dead without an event: look at once when it is seen again
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#beat(true));
    addEventListener("online", () => this.#beat(true));
  }

  #connect(): void {
    clearTimeout(this.#retry);
    const socket = new WebSocket(socketUrl("/api/v1/live"));
    this.#socket = socket;
    this.#lastHeard = performance.now();
    socket.onopen = () => {
      const position = this.#events.position();
      this.#send(position ? { resume: position } : { ping: ++this.#ping });
    };
    socket.onmessage = (event) => this.#receive(socket, event);
    socket.onclose = () => this.#lost(socket);
  }

  #receive(socket: WebSocket, event: MessageEvent): void {
    if (socket !== this.#socket || typeof event.data !== "string") return;
    const now = performance.now();
    this.#lastHeard = now;
    this.#tries = 0;
    this.#events.heard(now);
    const message = JSON.parse(event.data) as Partial<Envelope>;
    if (typeof message.topic === "string") this.#events.message(message as Envelope, now);
  }

  #beat(now = false): void {
    const silent = (performance.now() - this.#lastHeard) / 1000 > SERVER_SILENT_S;
    const socket = this.#socket;
    if (socket && silent) this.#lost(socket);
    else if (!socket && now) this.#connect();
    else if (socket?.readyState === WebSocket.OPEN) this.#send({ ping: ++this.#ping });
  }

  #lost(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#socket = null;
    socket.onmessage = socket.onclose = null;
    socket.close();
    this.#events.closed();
    const wait = RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)] ?? 1500;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), wait);
  }

  #send(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}
