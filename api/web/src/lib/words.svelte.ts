/** The one dictionary: every word on the page comes from here. */
import { de, type Dictionary } from "./de";
import { en } from "./en";

export type Language = "de" | "en";
export type Key = keyof Dictionary;
export const dictionaries: Record<Language, Dictionary> = { de, en };

function stored(): Language {
  try {
    return localStorage.getItem("language") === "en" ? "en" : "de";
  } catch {
    return "de"; // storage may be forbidden on a managed tablet
  }
}

class Words {
  language = $state<Language>(stored());

  t(key: Key, values: Record<string, string | number> = {}): string {
    return fill(dictionaries[this.language][key], values);
  }

  /** The word for a key that came over the wire, or undefined. */
  find(key: string): string | undefined {
    return Object.hasOwn(de, key) ? dictionaries[this.language][key as Key] : undefined;
  }

  toggle(): void {
    this.language = this.language === "de" ? "en" : "de";
    document.documentElement.lang = this.language;
    try {
      localStorage.setItem("language", this.language);
    } catch {
      // the choice then lasts until the page is closed
    }
  }

  get locale(): string {
    return this.language === "de" ? "de-DE" : "en-GB";
  }
}

export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export const words = new Words();
export const t = (key: Key, values?: Record<string, string | number>): string => words.t(key, values);
