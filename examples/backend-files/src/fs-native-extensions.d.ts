declare module 'fs-native-extensions' {
  /** Locks a file for this descriptor until it is closed, also by the end of the process; false where another one has it locked. */
  export function tryLock(fd: number): boolean;
}
