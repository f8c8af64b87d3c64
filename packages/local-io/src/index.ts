/**
 * Channels in a folder.
 * @module @millrace/local-io
 */
export { localBackend, localModule } from './backend.js';
export { openLocalEnvironment, type LocalEnvironment } from './environment.js';
