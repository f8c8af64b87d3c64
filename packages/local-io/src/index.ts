export { localBackend, localModule } from './backend.js';
