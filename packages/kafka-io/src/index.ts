export { kafkaBackend } from './backend.js';
