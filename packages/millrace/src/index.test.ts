import { expect, it } from 'vitest';

it('has these names, and no other, for those who use Millrace', async () => {
  expect(Object.keys(await import('./index.js')).sort()).toMatchInlineSnapshot(`
    [
      "CHANNEL_BACKEND",
      "ContainerModule",
      "DeadLetter",
      "ERROR_CODES",
      "InputPort",
      "MillraceError",
      "Operator",
      "OutputPort",
      "Pipeline",
      "PlanError",
      "Plugin",
      "Run",
      "avro",
      "bytes",
      "dropMemorySpace",
      "formatProblem",
      "inject",
      "injectable",
      "input",
      "json",
      "memoryBackend",
      "multiInject",
      "named",
      "operator",
      "optional",
      "orchestrate",
      "output",
      "plugin",
      "registerBackend",
      "silentLogger",
      "state",
      "stderrLogger",
      "systemClock",
      "text",
    ]
  `);
});
