import type { ChannelSpec, Problem } from '@millrace/core';
import { kafkaOptions, TOPIC_LENGTH, type KafkaLocation } from '../options/index.js';

/** Characters that Kafka allows in the name of a topic. */
const TOPIC = /^[\w.-]+$/;

/** What is wrong with topics to be, as far as it shows without a cluster. */
export function checkTopics(channels: readonly ChannelSpec[], { prefix }: KafkaLocation): Problem[] {
  const problems: Problem[] = [];
  const metrics = new Map<string, string>();
  for (const { name, partitions, backend } of channels) {
    const topic = `${prefix}${name}`;
    const report = (code: Problem['code'], what: string, remedy: string): void => void problems.push({ code, severity: 'error', where: name, what, remedy });
    if (!TOPIC.test(topic) || topic === '.' || topic === '..') report('MILLRACE_NAME_INVALID', `Kafka allows letters, digits, ".", "_" and "-" in the name of a topic, not ${JSON.stringify(topic)}`, 'name pipeline, operator or port otherwise');
    else if (topic.length > TOPIC_LENGTH) report('MILLRACE_NAME_INVALID', `the topic ${topic} would have ${topic.length} characters, more than the ${TOPIC_LENGTH} that Kafka allows`, 'give pipeline, operator or port a shorter name');
    // In names of metrics "." becomes "_", so Kafka refuses a second topic that differs in these alone.
    const metric = topic.replaceAll('.', '_');
    const other = metrics.get(metric);
    if (other !== undefined && other !== topic) report('MILLRACE_NAME_INVALID', `the topics ${other} and ${topic} differ in "." and "_" alone, which Kafka refuses`, 'name one of them otherwise');
    metrics.set(metric, topic);
    if (!Number.isSafeInteger(partitions) || partitions < 1) report('MILLRACE_OPTION_INVALID', `a topic cannot have ${partitions} partitions`, 'give it a positive number of partitions');
    const options = backend === undefined ? undefined : kafkaOptions.safeParse(backend);
    for (const issue of options?.error?.issues ?? []) report('MILLRACE_OPTION_INVALID', `backend option ${issue.path.join('.')}: ${issue.message}`, 'see the options of the Kafka backend');
  }
  return problems;
}
