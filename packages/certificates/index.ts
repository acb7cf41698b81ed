export { createAuthority, readAuthority } from "./src/authority.ts";
export type { Authority, CertificateNames, IssuedCertificate, Validity } from "./src/authority.ts";
export { describeCertificates } from "./src/describe-certificates.ts";
export type { CertificateFacts } from "./src/describe-certificates.ts";
export { serviceRoles, writeDevelopmentCertificates } from "./src/development-certificates.ts";
export type {
  DevelopmentCertificates,
  WrittenCertificate,
} from "./src/development-certificates.ts";
