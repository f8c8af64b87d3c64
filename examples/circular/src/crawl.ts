import { inject, input, InputPort, operator, Operator, output, OutputPort, Pipeline, type ParametersOf } from 'millrace';
import { z } from 'zod';
import { Frontier } from './frontier.js';
import { Page, Task } from './records.js';
import { Printer, Web } from './web.js';

@operator(import.meta, { description: 'Sends the pages where the crawl begins.' })
export class Seeds extends Operator {
  static override readonly parameters = z.object({ urls: z.array(z.string()) });
  declare readonly parameters: ParametersOf<typeof Seeds>;
  @output(Task) declare readonly tasks: OutputPort<Task>;

  override async onRunning() {
    await this.tasks.send(this.parameters.urls.map((url) => ({ url, depth: 0 })));
    return true;
  }
}

@operator(import.meta, { description: 'Reads pages.' })
export class Read extends Operator {
  @input(Task) declare readonly tasks: InputPort<Task>;
  @output(Page) declare readonly pages: OutputPort<Page>;

  constructor(@inject(Web) private readonly web: Web) {
    super();
  }

  override async onRunning() {
    const pages = this.tasks.retrieve().map(async ({ url, depth }) => ({ url, depth, links: [...(await this.web.linksOf(url))] }));
    await this.pages.send(await Promise.all(pages));
  }
}

@operator(import.meta, { description: 'Prints pages.' })
export class Print extends Operator {
  @input(Page) declare readonly pages: InputPort<Page>;

  constructor(@inject(Printer) private readonly printer: Printer) {
    super();
  }

  override onRunning() {
    for (const { url, depth } of this.pages.retrieve()) this.printer.print(depth, url);
  }
}

export interface CrawlOptions {
  readonly urls: readonly string[];
  readonly maxDepth?: number | undefined;
  readonly window?: number | undefined;
}

/** The frontier sends tasks to the readers, and reads what they found. */
export class Crawl extends Pipeline {
  readonly seeds;
  readonly frontier;
  readonly read = this.add(Read, {}, { replicas: 3 });
  readonly print = this.add(Print);

  constructor(name: string, { urls, maxDepth, window }: CrawlOptions) {
    super(name);
    this.seeds = this.add(Seeds, { urls: [...urls] });
    this.frontier = this.add(Frontier, { maxDepth, window });
    this.frontier.seeds.connect(this.seeds.tasks);
    this.read.tasks.connect(this.frontier.tasks);
    this.frontier.pages.connect(this.read.pages);
    this.print.pages.connect(this.read.pages);
  }
}
