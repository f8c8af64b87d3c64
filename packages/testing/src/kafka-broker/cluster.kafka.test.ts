import { sharedKafka } from '#kafka';
import { expect, it } from 'vitest';
import { runKafkaTool } from './tools.js';

const { bootstrap, describe } = await sharedKafka();

describe('the shared broker', () => {
  it('takes records of the console producer and gives them to the console consumer', async () => {
    const topic = `tools-${crypto.randomUUID()}`;
    await runKafkaTool('kafka-topics', ['--bootstrap-server', bootstrap, '--create', '--topic', topic, '--partitions', '1']);
    await runKafkaTool('kafka-console-producer', ['--bootstrap-server', bootstrap, '--topic', topic], { input: 'one\ntwo\n' });
    const { stdout } = await runKafkaTool('kafka-console-consumer', ['--bootstrap-server', bootstrap, '--topic', topic, '--from-beginning', '--max-messages', '2']);
    expect(stdout).toBe('one\ntwo\n');
  });

  it('names the tool and what it printed where it fails', async () => {
    const failing = runKafkaTool('kafka-topics', ['--bootstrap-server', bootstrap, '--describe', '--topic', 'nowhere']);
    await expect(failing).rejects.toMatchObject({ code: 'MILLRACE_BROKER_TOOL_FAILED', message: expect.stringMatching(/^MILLRACE_BROKER_TOOL_FAILED: kafka-topics --bootstrap-server .*'nowhere' does not exist/s) });
  });
});
