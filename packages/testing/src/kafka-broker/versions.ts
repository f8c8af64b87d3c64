import { MillraceError } from '@millrace/core';

/** The one place where versions are pinned; each was tried with the tests of this folder. */
const TRIED = ['4.4.0', '3.9.2'] as const;

/** The version of Apache Kafka that starts where none is asked for. */
export const KAFKA_VERSION: string = TRIED[0];

/** What binds Kafka's log calls to its standard error; small, and the same for every version. */
export const SLF4J_SIMPLE_VERSION = '1.7.36';

/** Of Maven's plugin that fetches the jars. */
export const MAVEN_DEPENDENCY_PLUGIN_VERSION = '3.8.1';

/**
 * The version of Apache Kafka meant by `asked`: an exact one (`4.4.0`) is taken as it is, the beginning of one (`4`, `3.9`)
 * stands for the release of that line that Millrace is tested with, and nothing for {@link KAFKA_VERSION}.
 *
 * @throws MillraceError `MILLRACE_OPTION_INVALID` where it is neither
 */
export function exactVersion(asked: string = KAFKA_VERSION): string {
  if (/^\d+\.\d+\.\d+$/.test(asked)) return asked;
  const known = TRIED.find((version) => version.startsWith(`${asked}.`));
  if (known === undefined) throw new MillraceError('MILLRACE_OPTION_INVALID', `Kafka ${asked} is neither an exact version nor the beginning of one of ${TRIED.join(', ')}.`);
  return known;
}
