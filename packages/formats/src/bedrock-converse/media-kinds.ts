/** Blocks of content that hold media. */
export type MediaBlock = "image" | "document" | "audio" | "video";

/** What a block calls the encoding of its media. */
export interface MediaKind {
  readonly block: MediaBlock;
  readonly format: string;
}

const office = "application/vnd.openxmlformats-officedocument";

// The documented values of `format`, each with its media type.
const kinds: Readonly<Record<MediaBlock, Readonly<Record<string, string>>>> = {
  image: { png: "image/png", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp" },
  document: {
    pdf: "application/pdf",
    csv: "text/csv",
    doc: "application/msword",
    docx: `${office}.wordprocessingml.document`,
    xls: "application/vnd.ms-excel",
    xlsx: `${office}.spreadsheetml.sheet`,
    html: "text/html",
    txt: "text/plain",
    md: "text/markdown",
  },
  audio: {
    mp3: "audio/mpeg",
    wav: "audio/wav",
    flac: "audio/flac",
    aac: "audio/aac",
    ogg: "audio/ogg",
    opus: "audio/opus",
    m4a: "audio/mp4",
    webm: "audio/webm",
    pcm: "audio/pcm",
  },
  video: {
    mp4: "video/mp4",
    mov: "video/quicktime",
    mkv: "video/x-matroska",
    webm: "video/webm",
    flv: "video/x-flv",
    mpeg: "video/mpeg",
    wmv: "video/x-ms-wmv",
    three_gp: "video/3gpp",
  },
};

const byMediaType = new Map<string, MediaKind>();
const byExtension = new Map<string, MediaKind>();
for (const block of Object.keys(kinds) as MediaBlock[]) {
  for (const [format, mediaType] of Object.entries(kinds[block])) {
    byMediaType.set(mediaType, { block, format });
    if (block === "document") byExtension.set(format, { block, format });
  }
}
byMediaType.set("image/jpg", { block: "image", format: "jpeg" });

/** The media type of a block's `format`; undefined when it is not documented. */
export function mediaTypeOf(block: MediaBlock, format: unknown): string | undefined {
  const known = kinds[block];
  return typeof format === "string" && Object.hasOwn(known, format) ? known[format] : undefined;
}

/** How media is sent, from its type, or where that is not said from the extension of its name. */
export function mediaKindOf(mediaType: string, fileName: string): MediaKind | undefined {
  const [plain = ""] = mediaType.toLowerCase().split(";", 1);
  if (plain !== "") return byMediaType.get(plain.trim());
  return byExtension.get(/\.([a-z]+)$/i.exec(fileName)?.[1]?.toLowerCase() ?? "");
}

/** Whether the name of a block's kind is that of media. */
export function isMediaBlock(name: string): name is MediaBlock {
  return Object.hasOwn(kinds, name);
}
