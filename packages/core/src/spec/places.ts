import { dirname, resolve } from 'node:path';

/** A location as a spec has it: a `local:` path is taken against the file, and any other stays. */
export function againstFile(location: string, file: string): string {
  const [, path = '', query = ''] = /^local:([^?]*)(\?.*)?$/s.exec(location) ?? [];
  // Without a folder the backend says what is wrong; with two slashes too.
  return path.trim() === '' || path.startsWith('//') ? location : `local:${resolve(dirname(file), path)}${query}`;
}
