import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { build, cacheFolder, pom } from './jars.js';
import { dockerSource, findKafka, parseJavaVersion } from './source.js';
import { uuid } from './storage.js';
import { exactVersion, KAFKA_VERSION } from './versions.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-source-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it.each([
  ['openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17],
  ['java version "1.8.0_391"', 8],
  ['openjdk version "21" 2023-09-19', 21],
  ['openjdk version "24-ea" 2025-03-18', 24],
  ['spawn java ENOENT', undefined],
])('finds the major version in %j', (printed, version) => {
  expect(parseJavaVersion(printed)).toBe(version);
});

it('a version is exact, or the line of one that is tested', () => {
  expect(exactVersion()).toBe(KAFKA_VERSION);
  expect(exactVersion('4')).toBe(KAFKA_VERSION);
  expect(exactVersion('3.9')).toMatch(/^3\.9\.\d+$/);
  expect(exactVersion('4.0.0')).toBe('4.0.0');
  expect(() => exactVersion('2.8')).toThrow(/MILLRACE_OPTION_INVALID.*2\.8/);
});

it('Docker runs the same class with the same arguments in the network and the folders of the host', () => {
  vi.stubEnv('XDG_CACHE_HOME', '/cache');
  expect(dockerSource('4.4.0', { uid: 7, gid: 8 }).command('a-broker', ['-Xmx1g'], 'kafka.Kafka', ['/tmp/x/server.properties'])).toEqual([
    'docker', 'run', '--rm', '--interactive', '--name', 'a-broker', '--network', 'host', '--user', '7:8', '--volume', `${tmpdir()}:${tmpdir()}`, '--volume', '/cache/millrace:/cache/millrace',
    '--entrypoint', 'java', 'apache/kafka:4.4.0', '-Xmx1g', '-cp', '/opt/kafka/libs/*', 'kafka.Kafka', '/tmp/x/server.properties',
  ]);
});

it('says what to install where there is nothing to run it with', async () => {
  vi.stubEnv('JAVA_HOME', undefined);
  vi.stubEnv('PATH', folder);
  const said = /MILLRACE_BROKER_UNAVAILABLE: Kafka 4\.4\.1 .*Install Java 17 or newer and Maven .*, or Docker\. Missing: Java .*; Docker/;
  await expect(findKafka('4.4.1')).rejects.toThrow(said);
});

it('asks for Maven where Java is new enough and the jars are not there, and takes the cached ones without it', async () => {
  writeFileSync(join(folder, 'java'), '#!/bin/sh\necho \'openjdk version "21"\' >&2\n', { mode: 0o755 });
  vi.stubEnv('JAVA_HOME', undefined);
  vi.stubEnv('PATH', folder);
  vi.stubEnv('XDG_CACHE_HOME', folder);
  await expect(findKafka('4.4.2')).rejects.toThrow('Maven (mvn does not run)');
  await build(join(cacheFolder('4.4.2'), 'jars'), async () => undefined);
  const source = await findKafka('4.4.2');
  expect(source.command('', ['-x'], 'a.Main', ['y'])).toEqual(['java', '-x', '-cp', join(cacheFolder('4.4.2'), 'jars', '*'), 'a.Main', 'y']);
});

it('a folder of the cache appears complete or not at all, whoever builds it', async () => {
  const target = join(folder, 'deep', 'built');
  await expect(build(target, async (temporary) => {
    writeFileSync(join(temporary, 'half'), '');
    throw new Error('interrupted');
  })).rejects.toThrow('interrupted');
  expect(readdirSync(join(folder, 'deep'))).toEqual([]);
  await Promise.all(['a', 'b', 'c'].map((name) => build(target, async (temporary) => {
    for (const file of ['first', 'second']) {
      writeFileSync(join(temporary, file), name);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })));
  expect(readdirSync(join(folder, 'deep'))).toEqual(['built']);
  expect(readFileSync(join(target, 'first'), 'utf8')).toBe(readFileSync(join(target, 'second'), 'utf8'));
});

it('another recipe for the jars has another folder', () => {
  vi.stubEnv('XDG_CACHE_HOME', folder);
  expect(cacheFolder('4.4.0')).not.toBe(cacheFolder('3.9.2'));
  expect(cacheFolder('4.4.0').startsWith(join(folder, 'millrace', 'kafka-4.4.0-'))).toBe(true);
  expect(pom('4.4.0')).toContain('<artifactId>kafka-tools</artifactId><version>4.4.0</version>');
});

it('a uuid is never taken for an option', () => {
  for (let i = 0; i < 1_000; i++) expect(uuid()).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/);
});
