import { root } from "./commands/workspace.ts";
import { errorPages, writeErrorPages } from "./generation/error-pages.ts";
import { generateApi, readGenerated } from "./generation/generate-api.ts";
import { generateLossTable } from "./generation/loss-table.ts";
import { settingFiles, writeSettingFiles } from "./generation/settings.ts";

await generateApi(root);
console.log(`packages/api: ${readGenerated(root).length} files generated from proto/`);
console.log(`${generateLossTable()}: what requests keep between formats`);
writeErrorPages(root);
console.log(`deploy/errors: ${errorPages().size} pages generated from packages/errors`);
await writeSettingFiles(root);
console.log(`${[...(await settingFiles()).keys()].join(", ")}: from the declarations of settings`);
