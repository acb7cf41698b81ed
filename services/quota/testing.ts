export { describeLedger } from "./src/conformance/ledger-suite.ts";
