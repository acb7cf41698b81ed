export { describeLedger } from "./src/storage/conformance/ledger-suite.ts";
