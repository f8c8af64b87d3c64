import { expect, it } from 'vitest';
import { isMet, toJsonLine, type Figure } from './figure.js';
import { tableRow } from './report.js';

const compared: Figure = { bench: 'memory/batch-1', value: 1_234_567.8, unit: 'records/s', peer: { name: 'async-generator', value: 2_000_000, ratio: 0.61728 }, target: { at: 'least', value: 0.5 } };
const alone: Figure = { bench: 'scale/start-stop', value: 2.5, unit: 's', target: { at: 'most', value: 2 } };

it('writes a figure as one line of JSON, with its peer or with its target', () => {
  expect(toJsonLine(compared)).toBe('{"bench":"memory/batch-1","value":1235000,"unit":"records/s","peer":"async-generator","peerValue":2000000,"ratio":0.6173}');
  expect(toJsonLine(alone)).toBe('{"bench":"scale/start-stop","value":2.5,"unit":"s","target":2}');
});

it('holds the ratio against the target, or the value where there is no peer', () => {
  expect(isMet(compared)).toBe(true);
  expect(isMet({ ...compared, target: { at: 'least', value: 0.62 } })).toBe(false);
  expect(isMet(alone)).toBe(false);
  expect(isMet({ ...alone, value: 2 })).toBe(true);
});

it('says in the table whether a target is met', () => {
  expect(tableRow(compared).split(/ {2,}/)).toEqual(['memory/batch-1', '1.23M records/s', '2.00M async-generator', '0.62', '≥ 0.5 met']);
  expect(tableRow(alone).split(/ {2,}/)).toEqual(['scale/start-stop', '2.5 s', '≤ 2 MISSED']);
});
