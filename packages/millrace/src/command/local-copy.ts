import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * The command of the copy of the package that a folder's project has installed, as a URL; `undefined` where that is this one, or
 * there is none. A pipeline and what runs it have to be of one copy: bindings of services work within one only.
 */
export function localCopy(folder: string): string | undefined {
  try {
    const require = createRequire(pathToFileURL(join(folder, 'package.json')));
    const manifest = realpathSync(require.resolve('millrace/package.json'));
    if (manifest === realpathSync(fileURLToPath(new URL('../../package.json', import.meta.url)))) return undefined;
    const { bin } = require(manifest) as { readonly bin?: { readonly millrace?: string } };
    return bin?.millrace === undefined ? undefined : pathToFileURL(join(dirname(manifest), bin.millrace)).href;
  } catch {
    // The project has none.
    return undefined;
  }
}
