import { orchestrate } from 'millrace';
import { Hello } from './hello.js';

const run = await orchestrate(new Hello('hello'), { location: 'memory:', services: new URL('./services.js', import.meta.url) });
await run.completed;
