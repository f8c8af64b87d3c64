import { crashTest } from '@millrace/testing';
import { parseCrashCommand, USAGE, UsageError, type CrashCommand } from './command.js';
import { kafkaTarget, localTarget } from './target.js';

// A process that is halted would outlive this one: leaving in order ends them all.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  await run(parseCrashCommand(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\nusage: ${USAGE}`);
  process.exitCode = 2;
}

async function run({ backend, delivery, kills, seed, minutes, json }: CrashCommand): Promise<void> {
  const log = json ? () => undefined : (line: string): void => console.log(line);
  log(`${backend}, ${delivery}, ${kills} kills, seed ${seed}`);
  const target = await (backend === 'local' ? localTarget() : kafkaTarget());
  const begun = performance.now();
  let isKept = false;
  try {
    const report = await crashTest({
      ...target.options, delivery, kills, seed, log,
      worker: new URL('./worker.js', import.meta.url),
      duration: minutes * 60_000,
      ...(minutes > 0 && {
        onSample: (process: string, { rss, heap, handles }: { rss: number; heap: number; handles: number }) => {
          const at = Math.round((performance.now() - begun) / 1_000);
          console.log(json ? JSON.stringify({ at, process, rss, heap, handles }) : `${at} s ${process}: ${rss} MiB, heap ${heap} MiB, ${handles} handles`);
        },
      }),
    });
    const { freezes, zombies, atPoints, broken, sent, lost, duplicated, reordered, seconds } = report;
    log(`${freezes} halted for a while, ${zombies} replaced while halted; at fail points: ${[...atPoints].map(([point, count]) => `${point} ${count}`).join(', ')}`);
    for (const line of broken) console.error(`broken: ${line}`);
    isKept = broken.length > 0 && backend === 'local';
    if (isKept) console.error(`to be looked at: ${target.options.location}`);
    console.log(JSON.stringify({ kills: report.kills, sent, lost, duplicated, reordered, seconds }));
    if (broken.length > 0) process.exitCode = 1;
  } finally {
    if (!isKept) await target.close();
  }
}
