import { inject, input, InputPort, operator, Operator, output, OutputPort, Pipeline, type EndReason } from 'millrace';
import { Desk } from './desk.js';
import { Archive, PriceList } from './outside.js';
import { Inquiry, Quote } from './records.js';

@operator(import.meta, { description: 'Takes inquiries from the desk.' })
export class Front extends Operator {
  @output(Inquiry) declare readonly inquiries: OutputPort<Inquiry>;

  constructor(@inject(Desk) private readonly desk: Desk) {
    super();
  }

  override onInit() {
    this.desk.onInquiry = () => this.wake();
  }

  override async onRunning() {
    await this.inquiries.send(this.desk.take());
    return this.desk.isClosed;
  }

  /** Nobody else is let in. Whoever is at the desk gets an answer, unless the run failed or stops at once. */
  override async onShutdown(reason: EndReason) {
    this.desk.close();
    if (reason !== 'failed') await this.inquiries.send(this.desk.take());
  }
}

@operator(import.meta, { description: 'Looks up prices, which takes a while.' })
export class Price extends Operator {
  @input(Inquiry) declare readonly inquiries: InputPort<Inquiry>;
  @output(Quote) declare readonly quotes: OutputPort<Quote>;

  constructor(@inject(PriceList) private readonly prices: PriceList) {
    super();
  }

  override async onRunning() {
    const quotes: Quote[] = [];
    for (const inquiry of this.inquiries.retrieve()) quotes.push({ ...inquiry, cents: inquiry.quantity * (await this.prices.of(inquiry.item)) });
    await this.quotes.send(quotes);
  }
}

@operator(import.meta, { description: 'Answers those who wait.' })
export class Reply extends Operator {
  @input(Quote) declare readonly quotes: InputPort<Quote>;

  constructor(@inject(Desk) private readonly desk: Desk) {
    super();
  }

  override onRunning() {
    for (const quote of this.quotes.retrieve()) this.desk.answer(quote);
  }
}

@operator(import.meta, { description: 'Keeps every quote.' })
export class Keep extends Operator {
  @input(Quote) declare readonly quotes: InputPort<Quote>;

  constructor(@inject(Archive) private readonly archive: Archive) {
    super();
  }

  override onRunning() {
    for (const quote of this.quotes.retrieve()) this.archive.keep(quote);
  }
}

/** Exactly-once, so that an answer is read when it is committed: whoever has a quote, it is on its way to the archive too. */
export class Quotes extends Pipeline {
  readonly front = this.add(Front, {}, { delivery: 'exactly-once' });
  readonly price = this.add(Price, {}, { replicas: 2, delivery: 'exactly-once' });
  readonly reply = this.add(Reply);
  readonly keep = this.add(Keep, {}, { delivery: 'exactly-once' });

  constructor(name: string) {
    super(name);
    this.price.inquiries.connect(this.front.inquiries);
    this.reply.quotes.connect(this.price.quotes);
    this.keep.quotes.connect(this.price.quotes);
  }
}
