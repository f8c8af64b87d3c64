/** What is used of fs-native-extensions, which has no types: advisory locks of whole files, held by an open file. */
declare module 'fs-native-extensions' {
  /** False where another open file holds one that excludes it. */
  export function tryLock(fd: number, options?: { readonly shared?: boolean }): boolean;
  export function waitForLock(fd: number, options?: { readonly shared?: boolean }): Promise<void>;
  export function unlock(fd: number): void;
}
