/// <reference types="svelte" />
/// <reference types="vite/client" />

interface Window {
  /** What the page shows, to read only: for tests and for a look from the console. */
  readonly __einsatz?: () => unknown;
}
