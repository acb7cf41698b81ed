/**
 * Parameters of the Node that runs Penstock. A request leaves some 45 KB of short-lived objects: in
 * V8's own 16 MiB the young generation is collected every 350 requests, by threads that cost a
 * router a tenth of its CPU time; in 64 MiB a third of that. It may take three times its size.
 */
export const nodeOptions = ["--max-semi-space-size=64"];
