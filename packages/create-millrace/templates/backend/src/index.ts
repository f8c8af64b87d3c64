export { skeletonBackend, skeletonBackend as default, skeletonModule } from './backend.js';
