import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** `group:artifact:version` each. */
export type Artifacts = readonly string[];

/** The folder of these jars and all that they need, in the user's cache; fetched by Maven where they are not there. */
export async function fetchJars(artifacts: Artifacts): Promise<string> {
  const caches = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const folder = join(caches, 'millrace', `benchmark-${createHash('sha256').update(artifacts.join()).digest('hex').slice(0, 8)}`);
  if (await access(folder).then(() => true, () => false)) return folder;
  await mkdir(join(folder, '..'), { recursive: true });
  // The folder appears complete or not at all.
  const temporary = await mkdtemp(`${folder}.`);
  try {
    const file = join(temporary, 'pom.xml');
    await writeFile(file, pom(artifacts));
    await promisify(execFile)('mvn', ['--batch-mode', '--quiet', '--file', file, 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies', `-DoutputDirectory=${temporary}`, '-DincludeScope=runtime']);
    await rename(temporary, folder);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return folder;
}

function pom(artifacts: Artifacts): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>millrace</groupId><artifactId>benchmark</artifactId><version>0</version><dependencies>${dependencies.join('')}</dependencies></project>`;
}
