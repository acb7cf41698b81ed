import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { VirtualKey, VirtualKeyCredential } from "@penstock/api";
import { VirtualKeyCredentialSchema } from "@penstock/api";
import type { GeneratedKey } from "@penstock/runtime";
import { generateKey } from "@penstock/runtime";
import type { ResourceMessage } from "@penstock/snapshot";
import type { CreateHook } from "./resource-handlers.ts";

/** What is kept of a secret: its public part and the hash of the whole. */
export function credentialOf(key: GeneratedKey, nowMs: number): VirtualKeyCredential {
  const { id, sha256 } = key;
  const createTime = timestampFromMs(nowMs);
  return create(VirtualKeyCredentialSchema, { id, sha256: new Uint8Array(sha256), createTime });
}

/** Gives a virtual key its first secret, which only the answer shows. */
export const issueCredential: CreateHook = () => {
  const key = generateKey("psk");
  return {
    finish: (message: ResourceMessage, nowMs: number) => {
      (message as VirtualKey).credentials = [credentialOf(key, nowMs)];
    },
    answer: { secret: key.text },
  };
};
