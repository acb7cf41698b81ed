import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentObservability } from "@penstock/observability";
import { systemClock } from "@penstock/runtime";
import { fetch } from "undici";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Credentials } from "./credentials.ts";
import { createGoogleIdentity } from "./google-identity.ts";

interface Call {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  form: URLSearchParams;
}

/** Stands for Google's token service, its IAM and its metadata server, on loopback. */
class FakeGoogle {
  readonly calls: Call[] = [];
  url = "";
  answer: (call: Call) => { status: number; body: object } = () => ({
    status: 200,
    body: { access_token: "token-1", expires_in: 3_600, token_type: "Bearer" },
  });
  readonly #server: Server = createServer((request, response) => this.#serve(request, response));

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const { method = "", url: path = "", headers } = request;
      const call = { method, path, headers, form: new URLSearchParams(body) };
      this.calls.push(call);
      const answer = this.answer(call);
      response.writeHead(answer.status, {
        "content-type": "application/json",
        "metadata-flavor": "Google",
      });
      response.end(JSON.stringify(answer.body));
    });
  }
}

let google: FakeGoogle;
let folder: string;
const never = new AbortController().signal;

beforeEach(async () => {
  google = new FakeGoogle();
  await google.open();
  folder = mkdtempSync(join(tmpdir(), "penstock-google-"));
  // Nothing of the machine on which the test runs.
  for (const name of ["GOOGLE_APPLICATION_CREDENTIALS", "https_proxy", "HTTPS_PROXY"]) {
    vi.stubEnv(name, "");
  }
  vi.stubEnv("HOME", folder);
});

afterEach(() => {
  google.close();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, content: object | string): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

function useFile(content: object): void {
  vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", write("credentials.json", content));
}

function useFederation(): void {
  useFile({
    type: "external_account",
    audience:
      "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    token_url: `${google.url}/v1/token`,
    credential_source: { file: write("subject", "the-subject-token") },
  });
}

describe("the identity of Google Cloud", () => {
  it("exchanges the token of another identity at the token service", async () => {
    useFederation();
    const before = Date.now();
    const token = await createGoogleIdentity().obtain("", never);
    expect(token.secret.reveal()).toBe("token-1");
    expect(token.expireTimeMs).toBeGreaterThanOrEqual(before + 3_599_000);
    expect(google.calls).toHaveLength(1);
    const [{ path, form }] = google.calls as [Call];
    expect(path).toBe("/v1/token");
    expect(form.get("subject_token")).toBe("the-subject-token");
    expect(form.get("grant_type")).toBe("urn:ietf:params:oauth:grant-type:token-exchange");
    expect(form.get("scope")).toContain("cloud-platform");
  });

  it("signs with the key of a service account", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
    useFile({
      type: "service_account",
      client_email: "robot@project.iam.gserviceaccount.com",
      private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
      private_key_id: "k1",
    });
    // The library knows one address for this; here it leads to loopback.
    const fetchImplementation = ((input: URL, init: object) =>
      fetch(`${google.url}${new URL(input).pathname}`, init)) as unknown as typeof globalThis.fetch;
    const identity = createGoogleIdentity({ transporterOptions: { fetchImplementation } });
    const token = await identity.obtain("", never);
    expect(token.secret.reveal()).toBe("token-1");
    const [{ form }] = google.calls as [Call];
    const claims = (form.get("assertion") ?? "").split(".")[1] ?? "";
    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({
      iss: "robot@project.iam.gserviceaccount.com",
      scope: "https://www.googleapis.com/auth/cloud-platform",
    });
  });

  it("asks the metadata server where there is no file", async () => {
    vi.stubEnv("GCE_METADATA_HOST", new URL(google.url).host);
    vi.stubEnv("METADATA_SERVER_DETECTION", "assume-present");
    const token = await createGoogleIdentity().obtain("", never);
    expect(token.secret.reveal()).toBe("token-1");
    const call = google.calls.find(({ path }) => path.includes("/token"));
    expect(call?.path).toContain("/computeMetadata/v1/instance/service-accounts/default/token");
    expect(call?.headers["metadata-flavor"]).toBe("Google");
  });

  it("says what is wrong when it gets none", async () => {
    google.answer = () => ({
      status: 400,
      body: { error: "invalid_grant", error_description: "The audience is not known." },
    });
    const identity = createGoogleIdentity();
    useFederation();
    await expect(identity.obtain("", never)).rejects.toThrow(/invalid_grant/);
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", join(folder, "absent.json"));
    await expect(identity.obtain("", never)).rejects.toThrow(/absent\.json/);
  });

  it("ends when it is told to", async () => {
    const stop = new AbortController();
    google.answer = () => {
      stop.abort();
      return { status: 503, body: {} };
    };
    useFederation();
    const obtaining = createGoogleIdentity().obtain("", stop.signal);
    await expect(obtaining).rejects.toThrow(/in time/);
  });

  it("becomes the secret of a credential reference", async () => {
    useFederation();
    const { logger } = silentObservability();
    const credentials = new Credentials({ clock: systemClock, logger });
    try {
      credentials.prepare(["google-adc:"]);
      await vi.waitFor(() => expect(credentials.resolve("google-adc:")?.reveal()).toBe("token-1"));
      expect(google.calls).toHaveLength(1);
    } finally {
      credentials.stop();
    }
  });
});
