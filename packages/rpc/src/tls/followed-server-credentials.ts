import { ServerCredentials } from "@grpc/grpc-js";
import type { TlsSource } from "./tls-source.ts";

/** Credentials of a grpc-js server that change with their files. */
export class FollowedServerCredentials extends ServerCredentials {
  constructor(source: TlsSource) {
    super({ requestCert: source.asksForCertificate, rejectUnauthorized: true }, source.options());
    source.onChange((options) => this.updateSecureContextOptions(options));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
