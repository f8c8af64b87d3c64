import { MillraceError } from '@millrace/core';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, cacheFolder } from './jars.js';
import { brokerProperties, formatProperties } from './properties.js';
import { run } from './run.js';
import type { KafkaSource } from './source.js';

/** A Kafka uuid: 16 bytes as URL-safe base64, never with a leading dash, which command lines take for an option. */
export function uuid(): string {
  for (;;) {
    const id = randomBytes(16).toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}

/**
 * Formats the storage of a node by copying one that Kafka's own tool formatted, which would cost every node a JVM's start.
 * `meta.properties` alone says whose storage it is (KIP-631, KIP-858).
 */
export async function formatStorage(template: string, dataFolder: string, clusterId: string, node: number): Promise<void> {
  await cp(template, dataFolder, { recursive: true });
  await writeFile(join(dataFolder, 'meta.properties'), formatProperties({ 'version': '1', 'cluster.id': clusterId, 'node.id': String(node), 'directory.id': uuid() }));
}

/** A formatted storage that belongs to nobody, made once per version. */
export async function storageTemplate(source: KafkaSource): Promise<string> {
  const target = join(cacheFolder(source.version), 'storage');
  if (!existsSync(target)) await build(target, async (folder) => void (await format(source, folder)));
  return join(target, 'data');
}

/** Formats `folder/data` by Kafka's StorageTool; `options` are the tool's, as `--add-scram`. */
export async function format(source: KafkaSource, folder: string, options: readonly string[] = []): Promise<string> {
  const data = join(folder, 'data'), file = join(folder, 'server.properties');
  await mkdir(data, { recursive: true });
  // The tool wants all properties and reads the folder alone.
  const layout = { node: 1, controllerPorts: [1], internalPort: 2, ports: new Map(), advertisedPorts: new Map(), dataFolder: data };
  await writeFile(file, formatProperties(brokerProperties(layout)));
  const [command, ...args] = source.command(`millrace-format-${uuid()}`, ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'], 'kafka.tools.StorageTool', ['format', '--cluster-id', uuid(), '--config', file, ...options]);
  const { code, stdout, stderr } = await run(command, args);
  if (code !== 0) throw new MillraceError('MILLRACE_BROKER_UNAVAILABLE', `Kafka ${source.version} could not format a storage folder:\n${stdout}${stderr}`);
  await rm(join(data, 'meta.properties'));
  return data;
}
