/** Bytes of the largest record, key and headers included. */
export const RECORD_BYTES = 64 * 1024 * 1024;
/** Bytes of the largest state value. */
export const STATE_BYTES = 16 * 1024 * 1024;
/** Bytes of the longest name of a channel or group. Keys of LMDB hold 1,978 bytes, and a name shares one with numbers only. */
export const NAME_BYTES = 1024;
/** Bytes of an owner's name and the key of a state value of his together. */
export const STATE_KEY_BYTES = 1900;
