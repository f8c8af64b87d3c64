export { filesBackend, filesModule } from './backend.js';
