import { registerChannelConformance } from '@millrace/testing';
import { describe, it } from 'vitest';
import { skeletonBackend } from './index.js';

let places = 0;
registerChannelConformance({ describe, it }, () => ({ backend: skeletonBackend, location: `skeleton:conformance-${++places}` }), {
  title: 'skeleton',
  capabilities: skeletonBackend.capabilities('skeleton:'),
});
