import { crashWorker } from '@millrace/testing';
import { orchestrate } from 'millrace';
import { backendOf } from './backends.js';
import { withDefect, type Defect } from './defective-backend.js';

/** As `worker.ts`, with the defect that the environment names: what the crash tester has to find. */
await crashWorker(async (pipeline, options) => orchestrate(pipeline, { ...options, backends: [withDefect(await backendOf(options.location), process.env['MILLRACE_DEFECT'] as Defect)] }));
