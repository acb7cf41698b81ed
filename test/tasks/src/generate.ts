import { root } from "./commands/workspace.ts";
import { generateApi, readGenerated } from "./generation/generate-api.ts";

await generateApi(root);
console.log(`packages/api: ${readGenerated(root).length} files generated from proto/`);
