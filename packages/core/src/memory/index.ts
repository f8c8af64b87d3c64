export { memoryBackend } from './backend.js';
export { dropMemorySpace } from './space.js';
