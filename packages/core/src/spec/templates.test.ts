import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { memoryBackend } from '../memory/index.js';
import { operator, Operator, plugin, type ParametersOf } from '../operator/index.js';
import { Plugin } from '../plugin/index.js';
import { loadPipelineText, type LoadedPipeline } from './load.js';
import { stringifySpec, toSpec } from './index.js';
import { escapeText, resolveText } from './templates.js';

class Client extends Plugin {
  static override readonly parameters = z.object({ url: z.string(), password: z.string(), copy: z.string() });
  declare readonly parameters: ParametersOf<typeof Client>;
}

@operator({ url: import.meta.url })
export class Caller extends Operator {
  static override readonly parameters = z.object({
    password: z.string(),
    count: z.int().default(0),
    strict: z.boolean().default(false),
    ratio: z.union([z.number(), z.literal('all')]).optional(),
    list: z.array(z.string()).optional(),
    moved: z.object({ token: z.string() }).transform(({ token }) => ({ renamed: token })).optional(),
  });
  declare readonly parameters: ParametersOf<typeof Caller>;
  @plugin(Client, { parameters: ({ password }: ParametersOf<typeof Caller>) => ({ url: `http://x:${password}@host`, password, copy: 'open' }) }) declare readonly client: Client;
  override onRunning(): boolean {
    return true;
  }
}

const file = fileURLToPath(new URL('none.yaml', import.meta.url));
const load = (operators: string, variables: Record<string, string> = {}, more = ''): Promise<LoadedPipeline> =>
  loadPipelineText(`millrace: 1\npipeline: p\n${more}operators:\n${operators}`, { path: file, name: 'p.yaml', variables, importModule: () => Promise.resolve({ Caller }) });
const caller = (parameters: string): string => `  caller: { class: ./templates.test.ts#Caller, parameters: ${parameters} }\n`;

describe('a template', () => {
  const variables = (name: string): string | undefined => ({ A: 'a', EMPTY: '', NESTED: '${A}' })[name];
  it.each([
    ['${A}', 'a'],
    ['$(A)', 'a'],
    ['${env:A}$(env:A)', 'aa'],
    ['x${A}y$(A)z', 'xayaz'],
    ['${NO:-b}', 'b'],
    ['$(NO:-)', ''],
    ['${EMPTY:-b}', 'b'],
    ['${EMPTY}', ''],
    ['${NESTED}', '${A}'],
    ['$${A} $$(A)', '${A} $(A)'],
    ['$$${A} $$$(A)', '$a $a'],
    ['$$$${A}', '$${A}'],
    ['$$$$${NO:-}{', '$${'],
    ['costs $5, $$5, {A} (A) $', 'costs $5, $$5, {A} (A) $'],
  ])('%s gives %s', (text, result) => {
    expect(resolveText(text, variables)).toMatchObject({ text: result, problems: [] });
  });

  it.each(['${}', '${a b}', '$(', '${A', '${A:+x}', '$(date +%s)'])('that %s only looks like is refused', (text) => {
    expect(resolveText(text, variables).problems).toHaveLength(1);
  });

  it('is not found in a literal that was escaped', () => {
    for (const text of ['${A}', '$${A}', '$$$(A', '$', '${', 'a$(b)c']) expect(resolveText(escapeText(text), variables)).toMatchObject({ text, templated: false, problems: [] });
  });
});

describe('variables', () => {
  it('come before those of the environment, and stand for what the schema takes', async () => {
    vi.stubEnv('COUNT', '7');
    vi.stubEnv('PASSWORD', 'of the environment');
    const { pipeline } = await load(`  caller:\n    class: ./templates.test.ts#Caller\n    replicas: \${REPLICAS}\n    parameters: { password: $(PASSWORD), count: "\${COUNT}", strict: "\${STRICT:-true}", ratio: "\${RATIO}" }\n`, { PASSWORD: '123', REPLICAS: '3', RATIO: 'all' });
    expect(pipeline.definition().nodes[0]).toMatchObject({ parameters: { password: '123', count: 7, strict: true, ratio: 'all' }, options: { replicas: 3 } });
  });

  it('are shown by their templates where a plan or a spec is printed', async () => {
    const { pipeline } = await load(caller('{ password: "${PASSWORD}", list: [a, "x-$(SECOND)"], moved: { token: "${THIRD}" } }'), { PASSWORD: 'hunter2', SECOND: 'swordfish', THIRD: 'opensesame' });
    const plan = pipeline.plan({ location: 'memory:', backends: [memoryBackend] });
    expect(plan.problems).toEqual([]);
    const json = plan.toJSON() as { operators: readonly { parameters: object; plugins: readonly { parameters: object }[] }[] };
    expect(json.operators[0]?.parameters).toEqual({ password: '${PASSWORD}', count: 0, strict: false, list: ['a', 'x-$(SECOND)'], moved: '***' });
    expect(json.operators[0]?.plugins[0]?.parameters).toEqual({ url: '***', password: '${PASSWORD}', copy: 'open' });
    const spec = stringifySpec(toSpec(pipeline, { file }));
    expect(spec).toContain('password: ${PASSWORD}');
    for (const text of [JSON.stringify(json), plan.toText(), plan.toMermaid(), spec]) expect(text).not.toMatch(/hunter2|swordfish|opensesame/);
    // What runs has the values.
    expect(plan.operators[0]?.parameters).toEqual({ password: 'hunter2', count: 0, strict: false, list: ['a', 'x-swordfish'], moved: { renamed: 'opensesame' } });
  });
});

it('a variable that holds something else than is wanted is not shown', async () => {
  const wrong = load(`  caller: { class: ./templates.test.ts#Caller, replicas: "\${PASSWORD}", parameters: { password: x, count: "$(PASSWORD)" } }\n`, { PASSWORD: 'hunter2' });
  await expect(wrong).rejects.toMatchObject({ problems: [{ what: 'what ${PASSWORD} came to is not a whole number from 1 to 10,000' }, { what: 'Invalid input: expected number, received string' }] });
  await expect(wrong).rejects.not.toThrow('hunter2');
});

describe('cascading parameters', () => {
  const parametersOf = async (top: string, own: string): Promise<unknown> => (await load(caller(own), {}, `parameters: ${top}\n`)).pipeline.definition().nodes[0]?.parameters;
  it('reach operators from above, and yield to what they say themselves', async () => {
    expect(await parametersOf("{ '>password': a, '#count': 1, '>#strict': true }", '{ count: 2 }')).toEqual({ password: 'a', count: 2, strict: true });
    expect(await parametersOf("{ '>password': a, '##password': b }", "{ '#count': 3 }")).toEqual({ password: 'b', count: 3 });
  });

  it.each([
    ['{ password: a }', '{}', 'a pipeline has no parameters of its own'],
    ["{ '>>password': a }", '{}', 'reaches plugins only'],
    ["{ '#>password': a }", '{}', 'reaches plugins only'],
    ["{ '>pasword': a }", '{ password: b }', 'no operator has a parameter pasword; did you mean password?'],
    ['{}', "{ '>password': a }", 'reaches plugins only'],
  ])('%s and %s are refused', async (top, own, why) => {
    await expect(parametersOf(top, own)).rejects.toThrow(why);
  });
});
