export { describeLedger } from "./src/storage/ledger-suite.ts";
