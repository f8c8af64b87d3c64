import { input, InputPort, operator, Operator, output, OutputPort, state, type ParametersOf } from 'millrace';
import { z } from 'zod';
import { Page, Task } from './records.js';

const known = z.object({ depth: z.int(), stage: z.enum(['waiting', 'out', 'done']) }).meta({ id: 'crawl.Known' });
type Known = z.output<typeof known>;

@operator(import.meta, { description: 'Knows every page that was found, and has each read once.' })
export class Frontier extends Operator {
  static override readonly parameters = z.object({
    maxDepth: z.int().nonnegative().default(3).describe('Does not follow the links of pages that are so many links away.'),
    window: z.int().positive().default(16).describe('Pages that are going round at a time.'),
  });
  declare readonly parameters: ParametersOf<typeof Frontier>;
  @input(Task) declare readonly seeds: InputPort<Task>;
  @input(Page) declare readonly pages: InputPort<Page>;
  @output(Task) declare readonly tasks: OutputPort<Task>;
  @state(z.object({ known: z.record(z.string(), known).default({}) })) declare crawl: { known: Record<string, Known> };

  override async onRunning() {
    for (const { url, depth } of this.seeds.retrieve()) this.#find(url, depth);
    for (const { url, depth, links } of this.pages.retrieve()) {
      this.crawl.known[url]!.stage = 'done';
      if (depth < this.parameters.maxDepth) for (const link of links) this.#find(link, depth + 1);
    }

    const open = Object.entries(this.crawl.known).filter(([, { stage }]) => stage !== 'done');
    const out = open.filter(([, { stage }]) => stage === 'out');
    // Pages that are nearer come first, all of them: so nobody can find a shorter way to one that was read.
    const nearest = Math.min(...open.map(([, { depth }]) => depth));
    const next = open.filter(([, { depth, stage }]) => stage === 'waiting' && depth === nearest).slice(0, this.parameters.window - out.length);
    for (const [, page] of next) page.stage = 'out';
    await this.tasks.send(next.map(([url, { depth }]) => ({ url, depth })));

    // Its pages end when the tasks do, and the tasks when it says so: nobody else can know.
    return this.seeds.ended && open.length === 0;
  }

  #find(url: string, depth: number): void {
    this.crawl.known[url] ??= { depth, stage: 'waiting' };
  }
}
