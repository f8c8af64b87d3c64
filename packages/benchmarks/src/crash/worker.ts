import { crashWorker } from '@millrace/testing';
import { orchestrate } from 'millrace';
import { backendOf } from './backends.js';

await crashWorker(async (pipeline, options) => orchestrate(pipeline, { ...options, backends: [await backendOf(options.location)] }));
