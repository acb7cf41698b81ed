import type { GenerateRequest } from "@penstock/api";
import { hasMedia } from "../choosing/request-needs.ts";

/**
 * Whether input of the request may be counted as audio or as images. A file may be either: the sound
 * of a video is counted as audio, the pages of a document as images.
 */
export function mayBring(request: GenerateRequest, kind: "audio" | "image"): boolean {
  return hasMedia(request, kind) || hasMedia(request, "file");
}
