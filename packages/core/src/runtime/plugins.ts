import { MillraceError, toError } from '../error/index.js';
import type { Plugin, PluginContext } from '../plugin/index.js';
import type { ReplicaEnvironment } from './environment.js';
import type { HookCalls, LevelResult } from './hooks.js';

/** Hooks of plugins that threw in one stage, in the order of their levels. */
export class PluginsError extends Error {
  constructor(
    readonly hook: string,
    /** `thrown`: what the plugin's `onError` is told; `error`: the same with its place. */
    readonly failures: readonly { readonly error: Error; readonly thrown: Error }[],
  ) {
    super(failures[0]?.error.message);
  }
}

/** A hook on the way out, and the one on the way in without which it is not called. */
const COUNTERPART: Readonly<Record<string, string>> = { onPortClose: 'onPortOpen', onServiceShutdown: 'onServiceStart', postExecution: 'preExecution' };

/** The plugins of one replica: made, bound to it, and called in the order that `dependsOn` asks for. */
export class ReplicaPlugins {
  readonly members = new Map<string, Plugin>();
  readonly #env: ReplicaEnvironment;
  readonly #replica: string;
  readonly #calls: HookCalls;
  /** Who was called by a hook on the way in; for `preExecution` who came through it. */
  readonly #entered = new Map<string, Set<string>>();

  constructor(env: ReplicaEnvironment, replica: string, calls: HookCalls) {
    this.#env = env;
    this.#replica = replica;
    this.#calls = calls;
  }

  /** @throws PluginsError for a constructor that throws, or whose services cannot be made */
  async create(): Promise<void> {
    const { operator, createPlugin, logger, index } = this.#env;
    for (const { name, values } of operator.plugins) {
      try {
        const plugin = await this.#calls.watch(name, 'constructor', () => createPlugin(name));
        const context: PluginContext = { name: `${this.#replica}.${name}`, operator: this.#replica, replica: index, logger: logger.child({ plugin: name }) };
        for (const [key, value] of Object.entries({ parameters: values, context })) Object.defineProperty(plugin, key, { value, enumerable: true, configurable: true });
        this.members.set(name, plugin);
      } catch (thrown) {
        throw this.#failed('constructor', [{ member: name, error: toError(thrown, `the constructor of ${this.#replica}.${name}`) }]);
      }
    }
  }

  /** A hook on the way in: those that depend on others come later, and not at all once one threw. @throws PluginsError */
  async enter(hook: string, levels: readonly (readonly string[])[] = this.#env.operator.levels): Promise<void> {
    const entered = this.#entered.get(hook) ?? new Set<string>();
    this.#entered.set(hook, entered);
    for (const level of levels) {
      // What threw half-way may have something to clean up; only what wraps the whole life must have begun well.
      if (hook !== 'preExecution') for (const name of level) entered.add(name);
      const { done, failures } = await this.#calls.level(this.members, level, hook, this.#replica);
      for (const name of done) entered.add(name);
      if (failures.length > 0) throw this.#failed(hook, failures);
    }
  }

  /** A hook on the way out: dependents first, each whose counterpart was called, whoever throws. @throws PluginsError */
  async leave(hook: string): Promise<void> {
    const counterpart = COUNTERPART[hook];
    const failures: LevelResult['failures'][number][] = [];
    for (const level of [...this.#env.operator.levels].reverse()) {
      const called = level.filter((name) => counterpart === undefined || this.#entered.get(counterpart)?.has(name));
      failures.push(...(await this.#calls.level(this.members, called, hook, this.#replica)).failures);
    }
    if (failures.length > 0) throw this.#failed(hook, failures);
  }

  #failed(hook: string, failures: LevelResult['failures']): PluginsError {
    return new PluginsError(hook, failures.map(({ member, error }) => ({
      thrown: error,
      error: MillraceError.is(error) ? error : new MillraceError('MILLRACE_HOOK_FAILED', `${this.#replica}.${member}.${hook} failed: ${error.message}`, { operator: this.#replica, cause: error }),
    })));
  }
}
