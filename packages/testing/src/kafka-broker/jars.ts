import { MillraceError } from '@millrace/core';
import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from './run.js';
import { MAVEN_DEPENDENCY_PLUGIN_VERSION, SLF4J_SIMPLE_VERSION } from './versions.js';

/** What is fetched: the broker with its tools, and one binding for its log. Kafka 3's own binding would be a second one. */
export function pom(version: string): string {
  const dependency = (group: string, artifact: string, of: string): string =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${of}</version>` +
    '<exclusions><exclusion><groupId>org.slf4j</groupId><artifactId>slf4j-reload4j</artifactId></exclusion></exclusions></dependency>';
  return [
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>',
    '<groupId>millrace</groupId><artifactId>kafka-broker</artifactId><version>0</version><dependencies>',
    dependency('org.apache.kafka', 'kafka_2.13', version),
    dependency('org.apache.kafka', 'kafka-tools', version),
    dependency('org.slf4j', 'slf4j-simple', SLF4J_SIMPLE_VERSION),
    '</dependencies></project>',
  ].join('\n');
}

/** Everything that is kept between runs: a folder per version and recipe, in the user's cache. */
export function cacheFolder(version: string): string {
  const caches = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(caches, 'millrace', `kafka-${version}-${createHash('sha256').update(pom(version)).digest('hex').slice(0, 8)}`);
}

/** The folder of the jars, where they were fetched before. */
export async function cachedJars(version: string): Promise<string | undefined> {
  const jars = join(cacheFolder(version), 'jars');
  return (await exists(jars)) ? jars : undefined;
}

/**
 * The folder of the jars; fetched by Maven where they are not there. What another process fetches meanwhile, or did not
 * finish, does no harm: the folder appears complete or not at all.
 */
export async function ensureJars(version: string): Promise<string> {
  return (await cachedJars(version)) ?? (await build(join(cacheFolder(version), 'jars'), async (folder) => {
    const file = join(folder, 'pom.xml');
    await writeFile(file, pom(version));
    const goal = `org.apache.maven.plugins:maven-dependency-plugin:${MAVEN_DEPENDENCY_PLUGIN_VERSION}:copy-dependencies`;
    const fetch = () => run('mvn', ['--batch-mode', '--quiet', '--file', file, goal, `-DoutputDirectory=${folder}`, '-DincludeScope=runtime']);
    let ended = await fetch();
    // Two processes that fill Maven's own repository at once can trip each other up; the second try finds it filled.
    if (ended.code !== 0) ended = await fetch();
    if (ended.code !== 0) {
      const last = `${ended.stdout}${ended.stderr}`.trim().split('\n').slice(-8).join('\n');
      throw new MillraceError('MILLRACE_BROKER_UNAVAILABLE', `Maven could not fetch Kafka ${version}; is its repository reachable?\n${last}`);
    }
  }));
}

/** Makes a folder by way of a temporary one beside it. Where another process was first, its folder stays. */
export async function build(target: string, fill: (folder: string) => Promise<void>): Promise<string> {
  await mkdir(join(target, '..'), { recursive: true });
  const temporary = await mkdtemp(`${target}.`);
  try {
    await fill(temporary);
    await rename(temporary, target).catch(async (error: unknown) => {
      if (!(await exists(target))) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return target;
}

const exists = (path: string): Promise<boolean> => access(path).then(() => true, () => false);
