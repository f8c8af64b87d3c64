export { skeletonBackend, skeletonModule } from './backend.js';
