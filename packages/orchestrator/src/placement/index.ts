export { checkChildren } from './check.js';
export { Children, type ChildInfo } from './children.js';
export { findTsx, hasLoader } from './entry.js';
export { isHosted } from './hosted.js';
