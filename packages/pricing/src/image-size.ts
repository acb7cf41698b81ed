/** Size of an image in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Segments of a JPEG looked at before its frame; cameras write a dozen. */
const mostSegments = 64;

/**
 * What the head of a PNG, GIF, WebP or JPEG says of its size; undefined for every other image and
 * for whatever is cut, broken or empty. Looks at some hundred bytes at most, however long it is.
 */
export function imageSize(data: Uint8Array): ImageSize | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length < 30) return undefined;
  if (view.getUint32(0) === 0x89504e47) return sized(view.getUint32(16), view.getUint32(20));
  if (view.getUint32(0) === 0x47494638) {
    return sized(view.getUint16(6, true), view.getUint16(8, true));
  }
  if (view.getUint32(0) === 0x52494646 && view.getUint32(8) === 0x57454250) return webpSize(view);
  return view.getUint16(0) === 0xffd8 ? jpegSize(view) : undefined;
}

/** RFC 9649: the head of its first chunk, which is lossy, lossless or extended. */
function webpSize(view: DataView): ImageSize | undefined {
  switch (view.getUint32(12)) {
    case 0x56503820:
      return sized(view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff);
    case 0x5650384c: {
      const bits = view.getUint32(21, true);
      return sized((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1);
    }
    case 0x56503858: {
      const width = view.getUint16(24, true) + ((view.getUint8(26) & 0xff) << 16);
      const height = view.getUint16(27, true) + ((view.getUint8(29) & 0xff) << 16);
      return sized(width + 1, height + 1);
    }
    default:
      return undefined;
  }
}

/** ITU T.81: segments with their lengths, up to the one that begins a frame. */
function jpegSize(view: DataView): ImageSize | undefined {
  let at = 2;
  for (let segment = 0; segment < mostSegments && at + 9 <= view.byteLength; segment += 1) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (isFrame(marker)) return sized(view.getUint16(at + 7), view.getUint16(at + 5));
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** C0 to CF but for tables of codes, which stand among them. */
function isFrame(marker: number): boolean {
  if (marker < 0xc0 || marker > 0xcf) return false;
  return marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function sized(width: number, height: number): ImageSize | undefined {
  return width > 0 && height > 0 ? { width, height } : undefined;
}
