/** Two methods of the language that Node has from 25 on, in the form that the formats use. */
interface Base64Bytes {
  fromBase64?: (text: string) => Uint8Array;
  prototype: { toBase64?: () => string };
}

const strict = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** Gives Node before 25 `Uint8Array.fromBase64` and `toBase64`; does nothing where they are. */
export function bringBase64(bytes: object = Uint8Array): void {
  const target = bytes as Base64Bytes;
  target.fromBase64 ??= (text) => {
    if (!strict.test(text)) throw new SyntaxError("The text is not base64.");
    return new Uint8Array(Buffer.from(text, "base64"));
  };
  target.prototype.toBase64 ??= function toBase64(this: Uint8Array) {
    return Buffer.from(this.buffer, this.byteOffset, this.byteLength).toString("base64");
  };
}
