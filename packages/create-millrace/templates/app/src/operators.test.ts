import { OperatorHarness } from '@millrace/testing';
import { expect, it } from 'vitest';
import { Averages, Sensors } from './operators.js';

it('measures as often as it was told, over a crash too', async () => {
  const sensors = await OperatorHarness.create(Sensors, { parameters: { sensors: 2, readings: 250 }, delivery: 'exactly-once' });
  try {
    await sensors.step();
    await sensors.commit();
    await sensors.step(); // sent, but not committed
    await sensors.crash();
    await sensors.run();
    expect(sensors.output('readings').take()).toHaveLength(250);
    expect(sensors.state.progress).toEqual({ sent: 250 });
  } finally {
    await sensors.close();
  }
});

it('keeps the mean of each sensor apart', async () => {
  const averages = await OperatorHarness.create(Averages);
  try {
    averages.input('readings').push([{ sensor: 'roof', celsius: 10 }, { sensor: 'cellar', celsius: 8 }, { sensor: 'roof', celsius: 20 }]);
    await averages.run();
    expect(averages.output('averages').take()).toEqual([{ sensor: 'roof', celsius: 15, readings: 2 }, { sensor: 'cellar', celsius: 8, readings: 1 }]);
    averages.input('readings').push([{ sensor: 'roof', celsius: 30 }]);
    await averages.run();
    expect(averages.output('averages').take()).toEqual([{ sensor: 'roof', celsius: 20, readings: 3 }]);
  } finally {
    await averages.close();
  }
});
