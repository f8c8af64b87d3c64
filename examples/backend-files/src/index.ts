export { filesBackend, filesBackend as default, filesModule } from './backend.js';
