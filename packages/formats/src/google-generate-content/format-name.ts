/** Name of this format, which is also the issuer of the signatures it reads. */
export const formatName = "google-generate-content";
