export { checkChildren } from './check.js';
export { Children, type ChildInfo } from './children.js';
export { isHosted } from './hosted.js';
