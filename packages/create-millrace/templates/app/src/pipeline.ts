import { Pipeline } from 'millrace';
import { Averages, Report, Sensors } from './operators.js';

export class Temperatures extends Pipeline {
  readonly sensors = this.add(Sensors, { sensors: 3, readings: 300 });
  readonly averages = this.add(Averages);
  readonly report = this.add(Report);

  constructor(name = 'temperatures') {
    super(name);
    this.averages.readings.connect(this.sensors.readings);
    this.report.averages.connect(this.averages.averages);
  }
}
