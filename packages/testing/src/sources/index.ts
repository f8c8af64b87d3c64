export { collector, type Collector, type CollectorClass } from './collector.js';
export { ABORT, EOF, PAUSE, Pause, type ScriptItem } from './marks.js';
export { testSource, type TestSource, type TestSourceOptions } from './test-source.js';
