import { X509Certificate } from "node:crypto";
import { GatewayError } from "@penstock/errors";

/** What one certificate says of itself. */
export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  /** Alternative names as `DNS:router`, `IP Address:127.0.0.1`, `URI:spiffe://penstock/router`. */
  readonly names: readonly string[];
  readonly isAuthority: boolean;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly serialNumber: string;
  /** SHA-256 of the certificate, in hexadecimal pairs with colons. */
  readonly fingerprint: string;
}

const blockPattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Reads every certificate of a PEM text, in its order. Throws FIELD_INVALID when there is none or
 * one can't be read.
 */
export function describeCertificates(pem: string): CertificateFacts[] {
  const blocks = pem.match(blockPattern) ?? [];
  if (blocks.length === 0)
    throw new GatewayError("FIELD_INVALID", "There is no certificate in it.");
  return blocks.map((block, index) => {
    try {
      return factsOf(new X509Certificate(block));
    } catch (cause) {
      const message = `Its certificate number ${index + 1} can't be read.`;
      throw new GatewayError("FIELD_INVALID", message, { cause });
    }
  });
}

function factsOf(certificate: X509Certificate): CertificateFacts {
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: certificate.subjectAltName?.split(", ") ?? [],
    isAuthority: certificate.ca,
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
    serialNumber: certificate.serialNumber.toLowerCase(),
    fingerprint: certificate.fingerprint256,
  };
}

function oneLine(name: string | undefined): string {
  return (name ?? "").replaceAll("\n", ", ");
}
