import { inject, input, InputPort, operator, Operator, Pipeline } from 'millrace';
import { Printer } from './printer.js';
import { Session } from './records.js';
import { Sessions } from './sessions.js';
import { Site } from './site.js';

@operator(import.meta, { description: 'Prints sessions.' })
export class Print extends Operator {
  @input(Session) declare readonly sessions: InputPort<Session>;

  constructor(@inject(Printer) private readonly printer: Printer) {
    super();
  }

  override onRunning() {
    for (const session of this.sessions.retrieve()) this.printer.print(session);
  }
}

export class Clickstream extends Pipeline {
  readonly site = this.add(Site, {}, { idle: 50 });
  readonly sessions = this.add(Sessions, {}, { replicas: 2, tick: 100, ports: { clicks: { partitions: 4 } } });
  readonly print = this.add(Print);

  constructor(name: string) {
    super(name);
    this.sessions.clicks.connect(this.site.clicks);
    this.print.sessions.connect(this.sessions.sessions);
  }
}
