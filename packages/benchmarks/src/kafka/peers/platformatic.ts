import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NodePeer } from './node-peer.js';

/** @platformatic/kafka 2.x needs a newer Node.js than the oldest that Millrace runs on, so both are fetched for the run alone. */
const PACKAGES = ['node@24.9.0', '@platformatic/kafka@2.12.1'] as const;

/** Where the programs of this peer find its package. */
export const MODULES_VARIABLE = 'PLATFORMATIC_MODULES';

/** @throws Error where the packages cannot be had */
export async function platformaticPeer(program: URL): Promise<NodePeer> {
  const { stdout } = await promisify(execFile)('npx', ['--yes', ...PACKAGES.flatMap((name) => ['--package', name]), '--', 'node', '-p', 'process.execPath']);
  const execPath = stdout.trim();
  // …/node_modules/node/bin/node
  const modules = join(execPath, '..', '..', '..');
  return new NodePeer(program, { execPath, env: { ...process.env, [MODULES_VARIABLE]: modules } });
}
