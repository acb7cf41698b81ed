// The few globals of the web platform that pure code uses; `types` is empty in this package.

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: Uint8Array, options?: { stream?: boolean }): string;
}

declare class TextEncoder {
  encode(input?: string): Uint8Array;
}

interface Uint8ArrayConstructor {
  fromBase64(text: string): Uint8Array;
}

interface Uint8Array {
  toBase64(): string;
}
