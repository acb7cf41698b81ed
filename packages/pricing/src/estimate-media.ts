import { imageSize } from "./image-size.ts";

/** Media of a request, of which providers count neither bytes nor characters. */
export interface MediaToEstimate {
  readonly kind: "audio" | "file" | "image";
  /** In lower case; empty: not said. */
  readonly mediaType: string;
  /** Undefined: the provider has it, or fetches it. */
  readonly data: Uint8Array | undefined;
}

/** What Anthropic's models of high resolution take of an image at most (docs: "Vision"). */
const mostImageTokens = 4_784;
/** OpenAI, high detail (docs: "Images and vision"): 85, and 170 for each of at most 8 tiles. */
const [openaiBase, openaiTile, openaiTilePixels, openaiMostTiles] = [85, 170, 512, 8];
/** Anthropic (docs: "Vision"): width × height / 750. */
const anthropicPixelsPerToken = 750;
/** Gemini (docs: "Image understanding"): 258 for each tile of 256 to 768 pixels. */
const [geminiTile, geminiLeastPixels, geminiMostPixels] = [258, 256, 768];

/** Gemini (docs: "Audio understanding"): 32 for each second; OpenAI counts 10. */
const audioTokensPerSecond = 32;
/** The lowest rates in use: PCM of 8 kHz with 8 bits, and MPEG-2 layer III (ISO 13818-3). */
const [leastPcmBytesPerSecond, leastCodedBytesPerSecond] = [8_000, 1_000];
/** Gemini (docs: "Video understanding"): about 300 for each second. */
const videoTokensPerSecond = 300;
/** 100 kbit/s, less than any film that shows something. */
const leastVideoBytesPerSecond = 12_500;
/** Of what is not there: a minute. */
const unknownSeconds = 60;

/** Anthropic (docs: "PDF support"): up to 3,000 of text and an image of about 1,600. */
const tokensPerPage = 4_600;
/** Anthropic takes 32 MB and 600 pages. */
const bytesPerPage = 53_000;
/** So many pages a file of few bytes may have. */
const fewPages = 10;

/** Less than any token of plain text has on average. */
const textBytesPerToken = 3.6;
const textType = /^text\/|[/+](?:json|xml|yaml|javascript)$/;

/**
 * An upper bound of the tokens that a provider counts for media, by its kind: an image by its pixels
 * where its head tells them, audio and video by the longest time that so many bytes last, documents
 * by pages. It is the largest that any of the vendors documents for their usual models. Where the
 * provider has the media or fetches it: an image of the largest size, a minute, or a page.
 */
export function estimateMediaTokens({ kind, mediaType, data }: MediaToEstimate): number {
  if (kind === "image") return data === undefined ? mostImageTokens : imageTokens(data);
  if (kind === "audio") {
    return Math.ceil(
      audioTokensPerSecond * (data ? data.length / audioRate(mediaType) : unknownSeconds),
    );
  }
  if (mediaType.startsWith("video/")) {
    const seconds = data ? data.length / leastVideoBytesPerSecond : unknownSeconds;
    return Math.ceil(videoTokensPerSecond * seconds);
  }
  return data === undefined ? tokensPerPage : fileTokens(mediaType, data.length);
}

function imageTokens(data: Uint8Array): number {
  const size = imageSize(data);
  if (size === undefined) return mostImageTokens;
  const { width, height } = size;
  const openaiTiles = tiles(width, height, openaiTilePixels);
  const unit = Math.floor(Math.min(width, height) / 1.5);
  const geminiPixels = Math.min(geminiMostPixels, Math.max(geminiLeastPixels, unit));
  const tokens = Math.max(
    openaiBase + openaiTile * Math.min(openaiMostTiles, openaiTiles),
    Math.ceil((width * height) / anthropicPixelsPerToken),
    geminiTile * tiles(width, height, geminiPixels),
  );
  return Math.min(mostImageTokens, tokens);
}

function tiles(width: number, height: number, pixels: number): number {
  return Math.ceil(width / pixels) * Math.ceil(height / pixels);
}

function audioRate(mediaType: string): number {
  const isPcm = /^audio\/(?:x-)?(?:wav|wave|vnd\.wave|pcm|l16|aiff)/.test(mediaType);
  return isPcm ? leastPcmBytesPerSecond : leastCodedBytesPerSecond;
}

/** What is written in a document is compressed to a third or so: no more than a token a byte. */
function fileTokens(mediaType: string, sizeBytes: number): number {
  if (textType.test(mediaType)) return Math.ceil(sizeBytes / textBytesPerToken);
  const pages = Math.max(fewPages, Math.ceil(sizeBytes / bytesPerPage));
  return Math.min(sizeBytes, tokensPerPage * pages);
}
